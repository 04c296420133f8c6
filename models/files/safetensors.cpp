// safetensors: the length of a JSON header as uint64, the header, and the tensors' values without holes. Kantor adds
// the SHA-256 of the whole file, the 64 digits of which count as zeros, and verifies it on reading.
#include "models/files/safetensors.h"

#include "models/files/atomic_file.h"
#include "models/files/bytes.h"
#include "models/files/content.h"
#include "models/files/safetensors_header.h"

#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <openssl/evp.h>
#include <optional>
#include <unordered_set>

namespace kantor {

namespace {

constexpr size_t header_limit = 100'000'000;  // the specification's limit
constexpr std::string_view digest_key = "kantor.digest";
// One flipped bit can hide one of the two keys, not both: either one alone marks a damaged file.
constexpr std::string_view format_key = "kantor.format";
constexpr std::string_view digest_field = "\"kantor.digest\":\"";
constexpr size_t digest_length = 64;
// Another possible cause of a wrong digest, and what to do then.
constexpr std::string_view saved_again =
    "written by another program, or changed, after Kantor wrote it; use the original, or leave kantor.digest and "
    "kantor.format out of the metadata when saving";

/// SHA-256 of `data` in lower-case hexadecimal, with the digits at `field` taken as zeros.
std::string digest(Bytes data, size_t field) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  const std::string zeros(digest_length, '0');
  const Bytes before = data.first(field);
  const Bytes after = data.subspan(field + digest_length);
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned length = 0;
  if (context == nullptr || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), before.data(), before.size()) != 1 ||
      EVP_DigestUpdate(context.get(), zeros.data(), zeros.size()) != 1 ||
      EVP_DigestUpdate(context.get(), after.data(), after.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), sum.data(), &length) != 1) {
    throw Error("SHA-256 is not available from OpenSSL");
  }
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", sum[i]);
  return hex;
}

/// Where the digest's digits begin in a file with this header.
size_t digest_position(std::string_view header, const std::string& name) {
  const size_t field = header.find(digest_field);
  if (field == std::string_view::npos || header.size() - field < digest_field.size() + digest_length) {
    refuse(name, "{} is not written as Kantor writes it: {}", digest_key, saved_again);
  }
  return 8 + field + digest_field.size();
}

/// Returns whether there was a digest, which then was right. Removes Kantor's own keys from the metadata.
bool verify(Bytes data, std::string_view header, std::map<std::string, std::string>& metadata,
            const std::string& name) {
  const auto node = metadata.extract(std::string(digest_key));
  const auto format = metadata.extract(std::string(format_key));
  if (node.empty() && format.empty()) return false;
  if (node.empty()) refuse(name, "{} without {}: damaged, or {}", format_key, digest_key, saved_again);
  if (format.empty()) refuse(name, "{} without {}: damaged, or {}", digest_key, format_key, saved_again);
  if (format.mapped() != "1") {
    refuse(name, "{} is {}, expected \"1\": written by a newer Kantor, or damaged", format_key, quote(format.mapped()));
  }
  if (node.mapped().size() != digest_length) {
    refuse(name, "damaged: {} has {} digits, expected 64", digest_key, node.mapped().size());
  }
  const std::string actual = digest(data, digest_position(header, name));
  if (actual != node.mapped()) {
    refuse(name, "its SHA-256 is {}, expected {}: damaged (copy the file again, or use an older checkpoint), or {}",
           actual, quote(node.mapped().substr(0, 16)), saved_again);
  }
  return true;
}

/// An element type as safetensors and as PyTorch name it.
struct ElementType {
  std::string_view code, name;
  size_t bits;
};

constexpr ElementType element_types[] = {
    {"F32", "float32", 32},        {"F64", "float64", 64},
    {"F16", "float16", 16},        {"BF16", "bfloat16", 16},
    {"I64", "int64", 64},          {"I32", "int32", 32},
    {"I16", "int16", 16},          {"I8", "int8", 8},
    {"U64", "uint64", 64},         {"U32", "uint32", 32},
    {"U16", "uint16", 16},         {"U8", "uint8", 8},
    {"BOOL", "bool", 8},           {"F8_E4M3", "float8_e4m3", 8},
    {"F8_E5M2", "float8_e5m2", 8}, {"F8_E8M0", "float8_e8m0", 8},
    {"F6_E2M3", "float6_e2m3", 6}, {"F6_E3M2", "float6_e3m2", 6},
    {"F4", "float4", 4},           {"C64", "complex64", 64},
};

const ElementType& element_type(const SafetensorsEntry& entry, const std::string& file) {
  for (const ElementType& type : element_types) {
    if (type.code == entry.dtype) return type;
  }
  std::vector<std::string_view> known;
  known.reserve(std::size(element_types));
  for (const ElementType& type : element_types) known.push_back(type.code);
  refuse(file, "tensor {} has dtype {}, expected one of {}", quote(entry.name), quote(entry.dtype),
         fmt::join(known, ", "));
}

/// Throws FileError unless the entry's range lies in the `size` bytes of data and is what its type and shape take.
void check_range(const SafetensorsEntry& entry, size_t size, const std::string& file) {
  const size_t bits = element_type(entry, file).bits;
  if (entry.offsets.size() != 2 || entry.offsets[0] > entry.offsets[1] || entry.offsets[1] > size) {
    refuse(file, "tensor {} has data_offsets that are no range within the {} bytes of data", quote(entry.name), size);
  }
  const size_t bytes = entry.offsets[1] - entry.offsets[0];
  size_t expected = bits;
  for (const int64_t extent : entry.shape) {
    if (__builtin_mul_overflow(expected, static_cast<size_t>(extent), &expected)) {
      refuse(file, "tensor {} of shape [{}] has more than 2^64 bits", quote(entry.name), fmt::join(entry.shape, ", "));
    }
  }
  if (expected % 8 != 0 || expected / 8 != bytes) {
    refuse(file, "tensor {} has {} bytes, expected {} bits for each element of shape [{}]", quote(entry.name), bytes,
           bits, fmt::join(entry.shape, ", "));
  }
}

template <class Source, class Target, class Convert>
Tensor converted(Bytes values, const Shape& shape, const Convert& one) {
  Tensor tensor = empty(shape, {dtype_of<Target>, {}});
  auto* out = tensor.view().template as<Target>();
  for (int64_t i = 0; i < shape.size(); ++i) {
    out[i] = static_cast<Target>(one(load<Source>(values.data() + static_cast<size_t>(i) * sizeof(Source))));
  }
  return tensor;
}

Tensor copied(Bytes values, const Shape& shape, DType dtype) {
  Tensor tensor = empty(shape, {dtype, {}});
  if (!values.empty()) std::memcpy(tensor.view().data, values.data(), values.size());
  return tensor;
}

/// The entry's values, whose range has been checked; nothing for a type or a rank that the engine does not have.
std::optional<Tensor> read_tensor(const SafetensorsEntry& entry, Bytes values, const std::string& file) {
  constexpr auto same = [](auto value) { return value; };
  if (entry.shape.size() > Shape::max_rank) return std::nullopt;
  const Shape shape = checked_shape(file, entry.shape);
  const std::string& type = entry.dtype;
  if (type == "F32") return copied(values, shape, DType::float32);
  if (type == "F64") return copied(values, shape, DType::float64);
  if (type == "I64") return copied(values, shape, DType::int64);
  if (type == "F16") return converted<uint16_t, float>(values, shape, half_to_float);
  if (type == "BF16") {
    return converted<uint16_t, float>(values, shape,
                                      [](uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); });
  }
  if (type == "F8_E5M2") {  // the upper half of a binary16
    return converted<uint8_t, float>(values, shape,
                                     [](uint8_t bits) { return half_to_float(static_cast<uint16_t>(bits << 8)); });
  }
  if (type == "F8_E4M3") return converted<uint8_t, float>(values, shape, float8_e4m3_to_float);
  if (type == "BOOL" || type == "U8") return converted<uint8_t, int64_t>(values, shape, same);
  if (type == "I8") {
    return converted<uint8_t, int64_t>(values, shape, [](uint8_t bits) { return bits < 128 ? bits : bits - 256; });
  }
  if (type == "U16") return converted<uint16_t, int64_t>(values, shape, same);
  if (type == "I16") return converted<int16_t, int64_t>(values, shape, same);
  if (type == "U32") return converted<uint32_t, int64_t>(values, shape, same);
  if (type == "I32") return converted<int32_t, int64_t>(values, shape, same);
  return std::nullopt;
}

/// Throws FileError unless the entries cover `size` bytes without hole or overlap.
void check_cover(const std::vector<SafetensorsEntry>& entries, size_t size, const std::string& file) {
  std::vector<const SafetensorsEntry*> order;
  order.reserve(entries.size());
  for (const SafetensorsEntry& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(),
            [](const SafetensorsEntry* a, const SafetensorsEntry* b) { return a->offsets < b->offsets; });
  uint64_t end = 0;
  for (const SafetensorsEntry* entry : order) {
    if (entry->offsets[0] != end) {
      refuse(file, "tensor {} begins at byte {} of the data, expected {}: {}", quote(entry->name), entry->offsets[0],
             end, entry->offsets[0] < end ? "it overlaps another" : "nothing covers the bytes between");
    }
    end = entry->offsets[1];
  }
  if (end != size) refuse(file, "the tensors end at byte {} of the data, which have {}", end, size);
}

std::string quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw Error("a tensor's name or metadata is not UTF-8: " + quote(text));
  }
}

std::string_view dtype_code(DType dtype) {
  return dtype == DType::float32 ? "F32" : dtype == DType::float64 ? "F64" : "I64";
}

}  // namespace

TensorFile parse_safetensors(Bytes data, const std::string& name) {
  const auto no_safetensors = [&](const std::string& found) {
    const bool resembles_one = data.size() > 8 && data[8] == std::byte{'{'};
    const std::string other = resembles_one ? "" : describe_content(data);
    refuse(name, "no safetensors file: {}", other.empty() ? found : "it is " + other);
  };
  if (data.size() < 8)
    no_safetensors(fmt::format("{} bytes, too short for the header's length, which takes 8", data.size()));
  const auto length = load<uint64_t>(data.data());
  if (length > header_limit)
    no_safetensors(fmt::format("a header of {} bytes, expected at most {}", length, header_limit));
  if (length > data.size() - 8) {
    no_safetensors(fmt::format("truncated: a header of {} bytes, of which {} are there", length, data.size() - 8));
  }
  const std::string_view text = as_text(data.subspan(8, length));
  if (!text.starts_with('{')) {
    no_safetensors(fmt::format("the header begins with {}, expected '{{'", quote(text.substr(0, 1))));
  }
  SafetensorsHeader header = parse_safetensors_header(text, name);

  TensorFile file{{}, {}, name, false};
  file.verified = verify(data, text, header.metadata, name);
  file.metadata = std::move(header.metadata);
  const Bytes values = data.subspan(8 + length);
  for (const SafetensorsEntry& entry : header.entries) check_range(entry, values.size(), name);
  check_cover(header.entries, values.size(), name);
  for (const SafetensorsEntry& entry : header.entries) {
    file.entries.push_back({entry.name, std::string(element_type(entry, name).name), entry.shape});
    const Bytes range = values.subspan(entry.offsets[0], entry.offsets[1] - entry.offsets[0]);
    if (auto tensor = read_tensor(entry, range, name)) file.tensors.emplace_back(entry.name, std::move(*tensor));
  }
  return file;
}

TensorFile read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(read_file(path), path.string());
}

std::vector<std::byte> encode_safetensors(const TensorFile& file) {
  const size_t count = file.tensors.size();
  // Wider elements first in the data: each is then aligned to its size, without which PyTorch does not load it. The
  // header keeps the order given.
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  const auto width = [&](size_t i) { return size_of(file.tensors[i].second.dtype()); };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return width(a) > width(b); });
  std::vector<size_t> begin(count);
  size_t end = 0;
  for (const size_t i : order) {
    begin[i] = end;
    end += static_cast<size_t>(file.tensors[i].second.size()) * width(i);
  }

  std::map<std::string, std::string> metadata = file.metadata;
  metadata[std::string(digest_key)] = std::string(digest_length, '0');
  metadata[std::string(format_key)] = "1";
  std::string header = "{\"__metadata__\":{";
  for (const auto& [key, value] : metadata) header += quoted(key) + ":" + quoted(value) + ",";
  header.back() = '}';
  std::unordered_set<std::string> names{"__metadata__"};
  for (size_t i = 0; i < count; ++i) {
    const auto& [name, tensor] = file.tensors[i];
    if (!names.insert(name).second) throw Error("two tensors named " + quote(name) + ", expected one of each name");
    header += fmt::format(",{}:{{\"dtype\":\"{}\",\"shape\":[", quoted(name), dtype_code(tensor.dtype()));
    for (const int64_t extent : tensor.shape()) header += fmt::format("{},", extent);
    if (tensor.rank() > 0) header.pop_back();
    header +=
        fmt::format("],\"data_offsets\":[{},{}]}}", begin[i], begin[i] + static_cast<size_t>(tensor.size()) * width(i));
  }
  header += '}';
  header.append((64 - (8 + header.size()) % 64) % 64, ' ');
  if (header.size() > header_limit) {
    throw Error(fmt::format("a header of {} bytes, expected at most {}: fewer tensors or less metadata", header.size(),
                            header_limit));
  }

  std::vector<std::byte> content(8 + header.size() + end);
  const uint64_t length = header.size();
  std::memcpy(content.data(), &length, 8);
  std::memcpy(content.data() + 8, header.data(), header.size());
  for (size_t i = 0; i < count; ++i) {
    const Tensor host = file.tensors[i].second.to(Device{});
    const size_t bytes = static_cast<size_t>(host.size()) * width(i);
    if (bytes != 0) std::memcpy(content.data() + 8 + header.size() + begin[i], host.view().data, bytes);
  }
  const size_t field = digest_position(header, file.source);
  const std::string hex = digest(content, field);
  std::memcpy(content.data() + field, hex.data(), hex.size());
  return content;
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  write_file_atomically(path, encode_safetensors(file));
}

}  // namespace kantor
