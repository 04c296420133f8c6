// Tensor: a shared handle to a value and to the op that made it. Copying a Tensor copies the handle, never the data.
// Values are contiguous; edges of the graph point to inputs only, so that it holds no cycles and frees itself.
#pragma once

#include "engine/device.h"
#include "engine/dtype.h"
#include "engine/memory.h"
#include "engine/shape.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kantor {

struct Node;

/// Raw view of a value, as forwards and kernels see it. It owns nothing.
struct View {
  void* data = nullptr;
  Shape shape;
  DType dtype = DType::float32;

  template <class T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(data);
  }
  [[nodiscard]] int64_t size() const { return shape.size(); }
};

/// Data without history: shape, element type and a place in a storage (`offset` in elements).
struct Value {
  Shape shape;
  DType dtype = DType::float32;
  std::shared_ptr<Storage> storage;
  int64_t offset = 0;

  [[nodiscard]] View view() const;
};

/// A shared handle to a value and to the op that made it.
class Tensor {
 public:
  /// An undefined tensor: as a gradient it stands for zero.
  Tensor() = default;
  /// A leaf of the graph.
  explicit Tensor(Value value);
  /// Output `index` of `node`.
  Tensor(std::shared_ptr<Node> node, int index) : node_(std::move(node)), index_(index) {}

  [[nodiscard]] bool defined() const { return node_ != nullptr; }
  [[nodiscard]] const Shape& shape() const { return value().shape; }
  [[nodiscard]] int64_t size() const { return shape().size(); }
  [[nodiscard]] int rank() const { return shape().rank(); }
  [[nodiscard]] DType dtype() const { return value().dtype; }
  [[nodiscard]] Device device() const { return value().storage->device; }
  [[nodiscard]] const Value& value() const;
  [[nodiscard]] const std::shared_ptr<Node>& node() const { return node_; }
  [[nodiscard]] int index() const { return index_; }
  /// Gives up the handle.
  std::shared_ptr<Node> release() && { return std::move(node_); }

  /// The same data as a new leaf, without its history.
  [[nodiscard]] Tensor detach() const;
  /// The one element of a tensor of size 1, on the host. Throws ShapeError, and CaptureError inside a capture.
  [[nodiscard]] double item() const;
  /// The elements on the host, converted to T. Throws CaptureError inside a capture.
  template <class T>
  [[nodiscard]] std::vector<T> to_vector() const;
  /// Overwrites this value by `source` (same shape and dtype) and bumps the version. Recordable within one device.
  void copy_from(const Tensor& source) const;
  /// Overwrites this value by host data of the same size. Throws CaptureError inside a capture.
  template <class T>
  void assign(std::span<const T> values) const;
  template <class T>
  void assign(const std::vector<T>& values) const {
    assign(std::span<const T>(values));
  }
  /// Writable view of the data (host pointers only where the device is `cpu`).
  [[nodiscard]] View view() const { return value().view(); }
  /// Elements [begin, begin+shape.size()) of this tensor's data as a leaf of its own that shares the storage.
  [[nodiscard]] Tensor narrow(int64_t begin, const Shape& shape) const;

  /// To standard output: what describe() says, then the values in nested brackets, at most `most` of an axis (the first
  /// and the last ones). Throws CaptureError inside a capture.
  void print(int64_t most = 6) const;

  /// A copy on `device`, or in `dtype`, without history.
  [[nodiscard]] Tensor to(Device device) const;
  [[nodiscard]] Tensor to(DType dtype) const;

 private:
  std::shared_ptr<Node> node_;
  int index_ = 0;
};

/// Element type and device of a new tensor.
struct TensorOptions {
  DType dtype = DType::float32;
  Device device = {};
};

/// Memory for a value, its contents unspecified.
Value allocate(const Shape& shape, TensorOptions options);
/// Uninitialized memory as a tensor.
Tensor empty(const Shape& shape, TensorOptions options = {});
Tensor full(const Shape& shape, double value, TensorOptions options = {});
Tensor zeros(const Shape& shape, TensorOptions options = {});
Tensor ones(const Shape& shape, TensorOptions options = {});
/// A tensor of `shape` from host data, converted to options.dtype. Throws ShapeError where the sizes differ.
template <class T>
Tensor from_host(std::span<const T> values, const Shape& shape, TensorOptions options = {});
template <class T>
Tensor from_host(const std::vector<T>& values, const Shape& shape, TensorOptions options = {}) {
  return from_host(std::span<const T>(values), shape, options);
}

/// "float32 [2, 3] on cpu", for messages.
std::string describe(const Tensor& tensor);
/// The values as Tensor::print writes them.
std::string format_values(const Tensor& tensor, int64_t most = 6);

}  // namespace kantor
