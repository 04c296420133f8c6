// Files: the formats that Kantor reads and writes. Every reader checks sizes against what is there before it allocates,
// and every refusal is a FileError that names the file, what was found, and what was expected.
#pragma once

#include "engine/error.h"
#include "engine/tensor.h"

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kantor {

/// A file that is missing, damaged, or not what it should be (exit code 3).
struct FileError : Error {
  using Error::Error;
};

// ---- whole files (files/atomic_file.cpp)
std::vector<std::byte> read_file(const std::filesystem::path& path, size_t limit = size_t{1} << 34);
/// To a temporary file beside it, fsync, rename, fsync of the folder: the old content or the new, never a mixture.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> content);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);
/// Inflates gzip, refusing more than `limit` bytes and bad checksums.
std::vector<std::byte> gunzip(std::span<const std::byte> data, const std::string& name, size_t limit);
/// The first `count` inflated bytes, or all where there are fewer.
std::vector<std::byte> gunzip_start(std::span<const std::byte> data, const std::string& name, size_t count);

// Each format is parsed from memory by a parse function, `name` standing for the file in messages; read_* calls it.

// ---- NPY 1.0 to 3.0 (files/npy.cpp): little- or big-endian, C or Fortran order, bool, integers, float16 to float64 on
// reading (integers up to int64; others become float32/float64); C order float32, float64 or int64 on writing
Tensor parse_npy(std::span<const std::byte> data, const std::string& name);
Tensor read_npy(const std::filesystem::path& path);
void write_npy(const std::filesystem::path& path, const Tensor& tensor);

// ---- IDX, plain or gzip (files/idx.cpp): unsigned bytes, as in MNIST; uint8 stays uint8
struct IdxBytes {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;
};
IdxBytes parse_idx(std::span<const std::byte> data, const std::string& name);
IdxBytes read_idx(const std::filesystem::path& path);

// ---- CSV (files/csv.cpp): numbers separated by commas, semicolons or tabs, quoted or not, with or without a first
// line of names, as float32 [rows, columns]. Text, empty fields, NaN, infinity and rows of unequal length are refused
// by line and column.
Tensor parse_csv(std::span<const std::byte> data, const std::string& name);
Tensor read_csv(const std::filesystem::path& path);

// ---- safetensors (files/safetensors.cpp), with a SHA-256 over the whole file, its own digits taken as zeros, in
// __metadata__ "kantor.digest"; "kantor.format" beside it tells that there must be one
struct TensorFile {
  std::map<std::string, std::string> metadata;
  std::vector<std::pair<std::string, Tensor>> tensors;  // in the header's order; F32, F64, I64
  /// Throws FileError naming the tensor that lacks.
  [[nodiscard]] const Tensor& at(const std::string& name) const;
  std::string source;     // where it was read from, for messages
  bool verified = false;  // it was read, held a digest, and the digest was right
};
/// Reads files of other programs too (no digest then; F16 and BF16 become float32); verifies the digest where there is
/// one. The metadata come without "kantor.digest" and "kantor.format", which belong to the file, not to its content.
TensorFile parse_safetensors(std::span<const std::byte> data, const std::string& name);
TensorFile read_safetensors(const std::filesystem::path& path);
/// Tensors in the order given, the data section 64-byte aligned, written atomically. Equal content gives equal bytes.
std::vector<std::byte> encode_safetensors(const TensorFile& file);
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

// ---- PNG (files/png.cpp)
struct Image {
  int width = 0, height = 0, channels = 3;  // 1 gray, 3 RGB
  std::vector<uint8_t> pixels;              // rows, top first
};
void write_png(const std::filesystem::path& path, const Image& image);
std::vector<std::byte> encode_png(const Image& image);
/// Any PNG of at most 2^26 pixels as 8-bit gray or RGB: palettes and 16 bits converted, transparency laid over white,
/// gamma and colour profiles ignored.
Image parse_png(std::span<const std::byte> data, const std::string& name);
/// Whether the bytes begin as those of a PNG do, up to its size.
bool is_png(std::span<const std::byte> data);
Image read_png(const std::filesystem::path& path);

// ---- TensorBoard events (files/tensorboard.cpp): TFRecord frames of tensorflow.Event messages
struct Event {
  double wall_time = 0;  // seconds since 1970
  int64_t step = 0;
  std::vector<std::pair<std::string, float>> scalars;
  std::vector<std::pair<std::string, std::vector<std::byte>>> images;  // PNG files
};
/// What a file begins with: the format's version, and the start of a session at `step`, for which TensorBoard drops
/// what it has read of this step and later ones.
std::string event_file_start(double wall_time, int64_t step);
/// One frame. Throws ShapeError for an image that is no PNG.
std::string encode_event(const Event& content);
/// The whole frames at the beginning of such a file before the first event after `step`.
struct EventPrefix {
  size_t bytes = 0;
  double wall_time = 0;  // of the first
};
EventPrefix events_up_to(std::span<const std::byte> file, int64_t step);

}  // namespace kantor
