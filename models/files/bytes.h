// Bytes: what the readers of this folder share: numbers of either byte order, small floating types, and refusals.
#pragma once

#include "engine/error.h"
#include "engine/shape.h"
#include "models/files/file_error.h"
#include "models/files/text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kantor {

static_assert(std::endian::native == std::endian::little, "the formats are read as on a little-endian host");

using Bytes = std::span<const std::byte>;

/// Throws FileError with "name: text".
template <class... Args>
[[noreturn]] void refuse(const std::string& name, fmt::format_string<Args...> format, Args&&... args) {
  throw FileError(name + ": " + fmt::format(format, std::forward<Args>(args)...));
}

/// FNV-1a: the same on every machine and in every version, as a hash in a file must be (std::hash is not). `before` is
/// the hash of the preceding bytes.
inline uint64_t fnv1a(Bytes bytes, uint64_t before = 0xcbf29ce484222325U) {
  for (const std::byte byte : bytes) before = (before ^ std::to_integer<uint64_t>(byte)) * 0x100000001b3U;
  return before;
}

/// A T from its bytes, which need no alignment.
template <class T>
T load(const std::byte* from, bool big_endian = false) {
  std::array<std::byte, sizeof(T)> bytes;
  std::memcpy(bytes.data(), from, sizeof(T));
  if (big_endian) std::reverse(bytes.begin(), bytes.end());
  return std::bit_cast<T>(bytes);
}

/// The value of an IEEE 754 binary16.
inline float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000U) << 16;
  const uint32_t exponent = (half >> 10) & 31U;
  const uint32_t fraction = half & 1023U;
  if (exponent == 0) {  // zero and subnormals: fraction * 2^-24
    return std::bit_cast<float>(std::bit_cast<uint32_t>(static_cast<float>(fraction) * 0x1p-24F) | sign);
  }
  const uint32_t wide = exponent == 31 ? 255U : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

/// The value of an 8-bit float with 4 bits of exponent, without infinities ("e4m3fn").
inline float float8_e4m3_to_float(uint8_t bits) {
  const uint32_t exponent = (bits >> 3) & 15U, fraction = bits & 7U;
  const float sign = (bits & 0x80U) != 0 ? -1.0F : 1.0F;
  if (exponent == 15 && fraction == 7) return std::bit_cast<float>(0x7fc00000U);
  if (exponent == 0) return sign * static_cast<float>(fraction) * 0x1p-9F;
  return sign * std::bit_cast<float>((exponent + 120) << 23 | fraction << 20);
}

/// The shape of these extents. Throws FileError where the engine has no such shape (rank, overflow, negative extent).
inline Shape checked_shape(const std::string& name, std::span<const int64_t> extents) {
  try {
    return Shape(extents);
  } catch (const ShapeError& error) {
    refuse(name, "{}", error.what());
  }
}

/// "[3, 0, 27]": the index of element `flat` of a C-ordered array.
inline std::string index_text(const Shape& shape, int64_t flat) {
  std::vector<int64_t> index;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    index.push_back(flat / shape.size_from(axis + 1));
    flat %= shape.size_from(axis + 1);
  }
  return fmt::format("[{}]", fmt::join(index, ", "));
}

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// deflate packs at most this many bytes into one (zlib's technical notes): what declares more than its data can hold
/// is refused before anything is allocated.
inline constexpr size_t deflate_limit = 1032;

}  // namespace kantor
