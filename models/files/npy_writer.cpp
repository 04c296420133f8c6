// NPY on writing: version 1.0, C order, its header padded so that the values begin at a multiple of 64 bytes.

#include "models/files/npy.h"

#include <fmt/format.h>
#include <string>

namespace kantor {
namespace {

std::string header_of(DType dtype, const Shape& shape) {
  const char* descr = dtype == DType::float32 ? "<f4" : dtype == DType::float64 ? "<f8" : "<i8";
  std::string extents;
  for (const int64_t extent : shape) extents += fmt::format("{}, ", extent);
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, extents);
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10, ' ');
  header.back() = '\n';
  std::string start("\x93NUMPY\x01\x00", 8);
  start += static_cast<char>(header.size() & 255);
  start += static_cast<char>(header.size() >> 8);
  return start + header;
}

}  // namespace

NpyWriter::NpyWriter(const std::filesystem::path& path, DType dtype, const Shape& shape)
    : file_(path), dtype_(dtype), missing_(shape.size()) {
  const std::string header = header_of(dtype, shape);
  file_.append(std::as_bytes(std::span(header.data(), header.size())));
}

void NpyWriter::append(const Tensor& piece) {
  if (piece.dtype() != dtype_ || piece.size() > missing_) {
    throw ShapeError(fmt::format("NPY: a piece {} of an array of {} in which {} values are missing", describe(piece),
                                 to_string(dtype_), missing_));
  }
  missing_ -= piece.size();
  const Tensor host = piece.device() == Device{} ? piece : piece.to(Device{});
  const View view = host.view();
  file_.append({static_cast<const std::byte*>(view.data), static_cast<size_t>(view.size()) * size_of(view.dtype)});
}

void NpyWriter::commit() {
  if (missing_ != 0) throw ShapeError(fmt::format("NPY: {} values of the array were not written", missing_));
  file_.commit();
}

void write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  NpyWriter file(path, tensor.dtype(), tensor.shape());
  file.append(tensor);
  file.commit();
}

}  // namespace kantor
