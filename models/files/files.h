// Files: the formats that Kantor reads and writes. Every reader checks sizes against what is there before it allocates,
// and every refusal is a FileError that names the file, what was found, and what was expected.
#pragma once

#include "engine/error.h"
#include "engine/tensor.h"

#include <cstddef>
#include <cstdint>
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
/// The same for content that comes piece by piece: it stands under its name after commit(), else nothing does.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void append(std::span<const std::byte> content);
  void commit();

 private:
  std::filesystem::path path_;
  std::string temporary_;  // empty after the rename
  int fd_ = -1;
};
/// Whether the bytes begin as those of a gzip file do.
bool is_gzip(std::span<const std::byte> data);
/// Inflates gzip of one member or several, refusing more than `limit` bytes and bad checksums.
std::vector<std::byte> gunzip(std::span<const std::byte> data, const std::string& name, size_t limit);
/// The first `count` inflated bytes, or all where there are fewer.
std::vector<std::byte> gunzip_start(std::span<const std::byte> data, const std::string& name, size_t count);

/// What a file is, and what to do about it, by its first bytes: "a git-lfs pointer instead of the file itself: run `git
/// lfs pull`", "a JPEG: ...", "a text file that begins with ..." (files/content.cpp). "" where they are not known, and
/// for a text where one is expected.
std::string describe_content(std::span<const std::byte> data, bool expects_text = false);

// Each format is parsed from memory by a parse function, `name` standing for the file in messages; read_* calls it.

// ---- NPY 1.0 to 3.0 (files/npy.cpp), plain or gzip: little- or big-endian, C or Fortran order, bool, integers,
// float16 to float64 on reading (integers become int64; float16 float32); C order float32, float64 or int64 on writing
Tensor parse_npy(std::span<const std::byte> data, const std::string& name);
Tensor read_npy(const std::filesystem::path& path);
/// The same before its values are converted, so that bytes can stay bytes. Keeps a view of `file`, unless it is gzip.
class NpyArray {
 public:
  enum class Kind : uint8_t { boolean, natural, integer, real };

  /// Throws FileError.
  NpyArray(std::span<const std::byte> file, const std::string& name);
  NpyArray(const NpyArray&) = delete;
  NpyArray& operator=(const NpyArray&) = delete;

  [[nodiscard]] const Shape& shape() const { return shape_; }
  /// NumPy's name of the element type: "bool", "uint8", "float32".
  [[nodiscard]] const std::string& dtype() const { return type_; }
  [[nodiscard]] bool is_real() const { return kind_ == Kind::real; }
  /// Values converted as by static_cast, in C order of the array whose axis i is axis axes[i] of this one. T: uint8_t,
  /// float, double, int64_t.
  template <class T>
  [[nodiscard]] std::vector<T> values(std::span<const int> axes) const;

 private:
  std::vector<std::byte> inflated_;
  std::span<const std::byte> values_;
  Shape shape_;
  std::string type_;
  Kind kind_ = Kind::real;
  size_t size_ = 0;
  bool swap_ = false, fortran_ = false;
};
void write_npy(const std::filesystem::path& path, const Tensor& tensor);
/// An array of `shape` that comes in pieces, in C order (files/npy_writer.cpp).
class NpyWriter {
 public:
  NpyWriter(const std::filesystem::path& path, DType dtype, const Shape& shape);
  /// Throws ShapeError for another type, or more values than the shape has.
  void append(const Tensor& piece);
  /// Throws ShapeError where values are missing.
  void commit();

 private:
  AtomicFile file_;
  DType dtype_;
  int64_t missing_;
};

// ---- IDX, plain or gzip (files/idx.cpp): unsigned bytes, as in MNIST; uint8 stays uint8
struct IdxBytes {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;
};
IdxBytes parse_idx(std::span<const std::byte> data, const std::string& name);
IdxBytes read_idx(const std::filesystem::path& path);

// ---- CSV (files/csv.cpp), plain or gzip: numbers separated by commas, semicolons or tabs, quoted or not, with or
// without a first line of names, as float32 [rows, columns]. Text, empty fields, NaN, infinity and rows of unequal
// length are refused by line and column.
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
  /// Of a file that was read: every tensor in the header's order, those too whose type is not converted.
  struct Entry {
    std::string name, dtype;  // as PyTorch calls it: "float32", "int32", "bool"
    std::vector<int64_t> shape;
  };
  std::vector<Entry> entries = {};
};
/// Reads files of other programs too (no digest then): float16, bfloat16 and the two common 8-bit types become float32,
/// bool and integers int64; of other types only the entry is there. Verifies the digest where there is one. The
/// metadata come without "kantor.digest" and "kantor.format", which belong to the file, not to its content.
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
/// Any PNG of at most 2^26 pixels as 8-bit gray or RGB: palettes and 16 bits converted, transparency laid over white by
/// its stored values (as browsers do), gamma and colour profiles ignored, and so is what follows its end.
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
