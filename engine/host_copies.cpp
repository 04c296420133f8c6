#include "engine/host_copies.h"

#include "engine/error.h"
#include "engine/recording/recorder.h"
#include "engine/runtime.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <utility>

namespace kantor {
namespace {

size_t bytes_of(const Tensor& tensor) {
  return static_cast<size_t>(tensor.size()) * size_of(tensor.dtype());
}

}  // namespace

/// Memory of the host that a device reaches, and a mark behind the last copy that uses it.
class HostBuffer {
 public:
  /// Of the size of the tensor's value, all zero.
  explicit HostBuffer(const Tensor& tensor)
      : runtime_(runtime(tensor.device())), bytes_(bytes_of(tensor)), mark_(runtime_.make_mark()) {
    data_ = runtime_.allocate_host(std::max<size_t>(bytes_, 1));
    if (data_ == nullptr) {
      throw DeviceError(fmt::format("{} bytes of the host's memory that {} can reach are not to be had", bytes_,
                                    to_string(tensor.device())));
    }
    std::memset(data_, 0, bytes_);
  }
  ~HostBuffer() {
    try {
      mark_->wait();          // a copy may be under way
    } catch (const Error&) {  // whoever waits next is told
    }
    runtime_.release_host(data_);
  }
  HostBuffer(const HostBuffer&) = delete;
  HostBuffer& operator=(const HostBuffer&) = delete;

  void start_copy_to(const Tensor& tensor) {
    runtime_.start_copy_in(tensor.view().data, data_, bytes_);
    mark_->set();
  }
  void start_copy_from(const Tensor& tensor) {
    runtime_.start_copy_out(data_, tensor.view().data, bytes_);
    mark_->set();
  }
  /// The memory, once no copy uses it.
  [[nodiscard]] void* data() const {
    mark_->wait();
    return data_;
  }

 private:
  Runtime& runtime_;
  size_t bytes_;
  std::unique_ptr<DeviceMark> mark_;
  void* data_ = nullptr;
};

Upload::Upload(Tensor target) : target_(std::move(target)) {
  if (target_.device().kind == Device::Kind::cpu) return;
  for (auto& buffer : buffers_) buffer = std::make_unique<HostBuffer>(target_);
}
Upload::~Upload() = default;

void Upload::operator()(std::span<const float> values) {
  if (buffers_[0] == nullptr) return target_.assign(values);
  forbid_in_capture("writing a tensor from the host");
  if (target_.dtype() != DType::float32 || static_cast<int64_t>(values.size()) != target_.size()) {
    throw ShapeError(fmt::format("an upload of {} float32 values to {}", values.size(), describe(target_)));
  }
  HostBuffer& buffer = *buffers_[turn_];
  turn_ = 1 - turn_;
  std::memcpy(buffer.data(), values.data(), values.size_bytes());
  buffer.start_copy_to(target_);
  ++target_.value().storage->version;
}

Download::Download(Tensor source) : source_(std::move(source)) {
  if (source_.device().kind != Device::Kind::cpu) buffer_ = std::make_unique<HostBuffer>(source_);
}
Download::~Download() = default;

void Download::start() {
  forbid_in_capture("reading a tensor on the host");
  if (buffer_) buffer_->start_copy_from(source_);
}

View Download::view() const {
  forbid_in_capture("reading a tensor on the host");
  if (!buffer_) return source_.view();
  return {buffer_->data(), source_.shape(), source_.dtype()};
}

}  // namespace kantor
