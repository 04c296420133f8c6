// Element types: float32 to train, float64 to check, int64 for counters and row indices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kantor {

/// The type of a tensor's elements.
enum class DType : uint8_t { float32, float64, int64 };

/// Bytes of an element, whether the type is a floating one, and its name, as in messages and checkpoints.
constexpr size_t size_of(DType dtype) {
  return dtype == DType::float32 ? 4 : 8;
}
constexpr bool is_floating(DType dtype) {
  return dtype != DType::int64;
}
constexpr std::string_view to_string(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "float32";
    case DType::float64:
      return "float64";
    case DType::int64:
      return "int64";
  }
  return "unknown";
}

/// The DType of the C++ types float, double and int64_t.
template <class T>
inline constexpr DType dtype_of = DType::float32;
template <>
inline constexpr DType dtype_of<double> = DType::float64;
template <>
inline constexpr DType dtype_of<int64_t> = DType::int64;

/// Calls fn(T{}) with T = float or double for a floating type.
template <class F>
decltype(auto) visit_floating(DType dtype, const F& fn) {
  return dtype == DType::float64 ? fn(double{}) : fn(float{});
}

}  // namespace kantor
