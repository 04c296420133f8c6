// Builds files of every format that is read, byte by byte: valid and damaged ones for the tests of the readers, and the
// first inputs of mutations and fuzzers.
#pragma once

#include "models/files/safetensors.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kantor {

std::vector<std::byte> bytes_of(const std::string& text);
std::string big_endian(uint32_t value);
template <class T>
std::string little_endian(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// IDX of element type `type`; `values` as they stand.
std::string idx(const std::vector<uint32_t>& shape, const std::string& values, char type = 8);
std::string gzip(const std::string& text);
/// NPY 1.0 with this header, or with one of these entries.
std::string npy(const std::string& header, const std::string& values);
std::string npy(const std::string& descr, const std::string& shape, const std::string& values,
                const std::string& fortran = "False");
std::string safetensors(const std::string& header, const std::string& values);
/// One chunk of a PNG with its checksum.
std::string png_chunk(const std::string& type, const std::string& content);
/// A PNG of the given depth and colour type whose compressed rows are `raw`; `before` comes before its data.
std::string png(uint32_t width, uint32_t height, char depth, char colour, char interlace, const std::string& raw,
                const std::string& before = "");
TensorFile small_checkpoint();

/// Valid files of idx, gzip, npy, csv, png, toml and safetensors.
std::map<std::string, std::vector<std::string>> sound_files();

}  // namespace kantor
