// safetensors, with a SHA-256 over the whole file, its own digits taken as zeros, in __metadata__ "kantor.digest";
// "kantor.format" beside it says that there must be one.
#pragma once

#include "engine/tensor.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kantor {

/// The content of a safetensors file: tensors by name, and the metadata of its header.
struct TensorFile {
  std::map<std::string, std::string> metadata;
  std::vector<std::pair<std::string, Tensor>> tensors;  // in the header's order; F32, F64, I64
  /// Throws FileError naming the missing tensor.
  [[nodiscard]] const Tensor& at(const std::string& name) const;
  std::string source;     // where it was read from, for messages
  bool verified = false;  // it was read, and had a digest that was right
  /// After reading: every tensor in the header's order, including those whose type is not converted.
  struct Entry {
    std::string name, dtype;  // as PyTorch calls it: "float32", "int32", "bool"
    std::vector<int64_t> shape;
  };
  std::vector<Entry> entries = {};
};
/// Reads files of other programs too (no digest then): float16, bfloat16 and the two common 8-bit types become float32,
/// bool and integers int64; other types have only an entry. Verifies the digest where there is one. The
/// metadata come without "kantor.digest" and "kantor.format", which belong to the file, not to its content.
TensorFile parse_safetensors(std::span<const std::byte> data, const std::string& name);
TensorFile read_safetensors(const std::filesystem::path& path);
/// Tensors in the order given, the data section 64-byte aligned, written atomically. Equal content gives equal bytes.
std::vector<std::byte> encode_safetensors(const TensorFile& file);
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace kantor
