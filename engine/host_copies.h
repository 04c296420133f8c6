// Copies between the host and a tensor of another device that the host does not wait for, but where it reads what they
// bring: through memory of the host that the device reaches by itself (page-locked on a GPU). For training loops.
#pragma once

#include "engine/tensor.h"

#include <array>
#include <memory>
#include <span>

namespace kantor {

class HostBuffer;

/// Overwrites one float32 tensor again and again.
class Upload {
 public:
  /// The tensor is kept by handle. Throws DeviceError where there is no memory that the device reaches.
  explicit Upload(Tensor target);
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  /// Overwrites the tensor by as many values, after all work that its device has been given, and returns when they have
  /// been read here. Throws ShapeError where there are more or fewer, CaptureError inside a capture.
  void operator()(std::span<const float> values);

 private:
  Tensor target_;
  std::array<std::unique_ptr<HostBuffer>, 2> buffers_;  // in turns: one is filled while the other may be read
  size_t turn_ = 0;
};

/// Brings the value of one tensor to the host again and again.
class Download {
 public:
  /// As Upload.
  explicit Download(Tensor source);
  ~Download();
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  /// Begins to copy what the work that the device has been given leaves in the tensor; later work may overwrite it.
  /// Throws CaptureError inside a capture.
  void start();
  /// What the last copy brought, in host memory; waits for it. Zeros before the first one; on the CPU, where nothing is
  /// copied, the tensor itself.
  [[nodiscard]] View view() const;

 private:
  Tensor source_;
  std::unique_ptr<HostBuffer> buffer_;  // none on the CPU
};

}  // namespace kantor
