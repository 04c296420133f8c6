// NPY 1.0 to 3.0, plain or gzip: little- or big-endian, C or Fortran order, bool, integers, float16 to float64 on
// reading (integers become int64; float16 float32); C order float32, float64 or int64 on writing. Readers check sizes
// against what is there before they allocate.
#pragma once

#include "engine/tensor.h"
#include "models/files/atomic_file.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace kantor {

/// From memory, `name` standing for the file in messages, and from a file. Throws FileError.
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
/// An array of `shape` that comes in pieces, in C order.
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

}  // namespace kantor
