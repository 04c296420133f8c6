// The runtime of `cuda`: a stream of its own, memory, CUDA graphs. One instance per GPU.
#include "engine/runtime.h"

#include "engine/error.h"
#include "kernels/products/products.h"

#include <cuda_runtime.h>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace kantor {
namespace {

void check(cudaError_t status, const char* action) {
  if (status == cudaSuccess) return;
  throw DeviceError(
      fmt::format("cuda: {} failed: {} ({})", action, cudaGetErrorString(status), cudaGetErrorName(status)));
}

class CudaGraph final : public DeviceGraph {
 public:
  CudaGraph(cudaGraph_t graph, cudaStream_t stream) : graph_(graph), stream_(stream) {
    const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
    if (status != cudaSuccess) {
      cudaGraphDestroy(graph);
      check(status, "making a graph of the captured step");
    }
  }
  ~CudaGraph() override {
    cudaGraphExecDestroy(executable_);
    cudaGraphDestroy(graph_);
  }
  void launch() override { check(cudaGraphLaunch(executable_, stream_), "launching the captured step"); }
  [[nodiscard]] int64_t launches() const override {
    size_t count = 0;
    check(cudaGraphGetNodes(graph_, nullptr, &count), "counting a graph's launches");
    return static_cast<int64_t>(count);
  }

 private:
  cudaGraph_t graph_;
  cudaGraphExec_t executable_ = nullptr;
  cudaStream_t stream_;
};

/// Two events of its own: measurements may overlap.
class CudaClock final : public DeviceClock {
 public:
  explicit CudaClock(Stream stream) : stream_(stream) {
    check(cudaEventCreate(&start_), "making an event");
    if (const cudaError_t status = cudaEventCreate(&stop_); status != cudaSuccess) {
      cudaEventDestroy(start_);
      check(status, "making an event");
    }
  }
  ~CudaClock() override {
    cudaEventDestroy(start_);
    cudaEventDestroy(stop_);
  }
  CudaClock(const CudaClock&) = delete;
  CudaClock& operator=(const CudaClock&) = delete;
  void start() override { check(cudaEventRecord(start_, stream_), "starting the clock"); }
  double stop() override {
    check(cudaEventRecord(stop_, stream_), "stopping the clock");
    check(cudaEventSynchronize(stop_), "the work on the GPU");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, start_, stop_), "reading the clock");
    return milliseconds * 1e-3;
  }

 private:
  Stream stream_;
  cudaEvent_t start_ = nullptr, stop_ = nullptr;
};

class CudaMark final : public DeviceMark {
 public:
  explicit CudaMark(Stream stream) : stream_(stream) {
    check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "making an event");
  }
  ~CudaMark() override { cudaEventDestroy(event_); }
  CudaMark(const CudaMark&) = delete;
  CudaMark& operator=(const CudaMark&) = delete;
  void set() override { check(cudaEventRecord(event_, stream_), "marking a place in the stream"); }
  void wait() override { check(cudaEventSynchronize(event_), "the work on the GPU"); }

 private:
  Stream stream_;
  cudaEvent_t event_ = nullptr;
};

class CudaRuntime final : public Runtime {
 public:
  explicit CudaRuntime(int index) : index_(index) {
    select();
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, index), "asking the GPU what it is");
    constexpr int ampere = 80;
    processor_.multiprocessors = properties.multiProcessorCount;
    processor_.shared_bytes = properties.sharedMemPerBlockOptin;
    processor_.tensor_cores = properties.major * 10 >= ampere && cuda::tile_capability() >= ampere;
    processor_.warpgroups = processor_.tensor_cores && cuda::tiles_by_warpgroups();
    constexpr size_t bytes = most_counters * sizeof(unsigned);
    check(cudaMalloc(&processor_.arrived, bytes), "allocating the counters of products");
    check(cudaMemsetAsync(processor_.arrived, 0, bytes, stream_), "clearing the counters of products");
  }
  [[nodiscard]] Backend backend() const override { return Backend::cuda; }
  [[nodiscard]] Stream stream() const override {
    select();  // launches go to the thread's current GPU
    return stream_;
  }
  [[nodiscard]] Processor processor() override { return processor_; }
  void* allocate(size_t bytes) noexcept override {
    void* data = nullptr;
    // Not cudaMallocAsync, which would become a node of the graph inside a capture. The pools above keep their memory
    // and reuse it in stream order.
    if (cudaSetDevice(index_) == cudaSuccess && cudaMalloc(&data, bytes) == cudaSuccess) return data;
    cudaGetLastError();  // the caller reports that memory is out; the error must not remain
    return nullptr;
  }
  void release(void* data) noexcept override {
    if (cudaFree(data) != cudaSuccess) cudaGetLastError();  // at exit the driver may be gone already
  }
  [[nodiscard]] std::optional<size_t> free_bytes() const override {
    size_t available = 0, total = 0;
    select();
    if (cudaMemGetInfo(&available, &total) == cudaSuccess) return available;
    cudaGetLastError();
    return std::nullopt;
  }
  void copy_in(void* device, const void* host, size_t bytes) override {
    start_copy_in(device, host, bytes);
    synchronize();
  }
  void copy_out(void* host, const void* device, size_t bytes) override {
    start_copy_out(host, device, bytes);
    synchronize();
  }
  void copy(void* to, const void* from, size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream()), "copying on the GPU");
  }
  void* allocate_host(size_t bytes) noexcept override {
    void* data = nullptr;
    if (cudaSetDevice(index_) == cudaSuccess && cudaMallocHost(&data, bytes) == cudaSuccess) return data;
    cudaGetLastError();  // as in allocate
    return nullptr;
  }
  void release_host(void* data) noexcept override {
    if (cudaFreeHost(data) != cudaSuccess) cudaGetLastError();
  }
  void start_copy_in(void* device, const void* host, size_t bytes) override {
    check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream()), "copying to the GPU");
  }
  void start_copy_out(void* host, const void* device, size_t bytes) override {
    check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream()), "copying from the GPU");
  }
  [[nodiscard]] std::unique_ptr<DeviceMark> make_mark() override { return std::make_unique<CudaMark>(stream()); }
  void synchronize() override { check(cudaStreamSynchronize(stream_), "the work on the GPU"); }
  [[nodiscard]] std::unique_ptr<DeviceClock> make_clock() override { return std::make_unique<CudaClock>(stream()); }
  void begin_capture() override {
    check(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeRelaxed), "beginning a capture");
  }
  std::unique_ptr<DeviceGraph> end_capture() override {
    cudaGraph_t graph = nullptr;
    check(cudaStreamEndCapture(stream_, &graph), "ending a capture");
    return std::make_unique<CudaGraph>(graph, stream_);
  }
  void abandon_capture() noexcept override {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    if (cudaStreamIsCapturing(stream_, &status) == cudaSuccess && status != cudaStreamCaptureStatusNone) {
      cudaGraph_t graph = nullptr;  // stays null where the capture was invalidated
      cudaStreamEndCapture(stream_, &graph);
      if (graph != nullptr) cudaGraphDestroy(graph);
    }
    cudaGetLastError();  // the caller reports this failure; the next call must not report it again
  }

 private:
  void select() const { check(cudaSetDevice(index_), "choosing the GPU"); }
  int index_;
  cudaStream_t stream_ = nullptr;
  Processor processor_{};
};

}  // namespace

std::string cuda_hardware(int index) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "asking the GPU what it is");
  int driver = 0;
  check(cudaDriverGetVersion(&driver), "asking for the driver");
  return fmt::format("{}, compute capability {}.{}, {} processors, {:.1f} GiB, driver for CUDA {}.{}", properties.name,
                     properties.major, properties.minor, properties.multiProcessorCount,
                     static_cast<double>(properties.totalGlobalMem) / (1 << 30), driver / 1000, driver / 10 % 100);
}

std::string why_no_cuda(int index) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver) {
    return "no NVIDIA driver, or one older than this build's CUDA: `nvidia-smi` shows which; install a newer driver";
  }
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0)) return "no NVIDIA GPU is visible";
  if (status != cudaSuccess) return cudaGetErrorString(status);
  if (index >= count) return fmt::format("there are {} GPUs, counted from 0", count);
  cudaDeviceProp properties{};
  if (cudaGetDeviceProperties(&properties, index) != cudaSuccess) return "the GPU does not answer";
  if (properties.major * 10 + properties.minor < 75) {
    return fmt::format("{} has compute capability {}.{}; 7.5 or newer is needed", properties.name, properties.major,
                       properties.minor);
  }
  return "";
}

Runtime& cuda_runtime(int index) {
  static std::mutex mutex;
  static auto* const runtimes =
      new std::map<int, std::unique_ptr<CudaRuntime>>;  // never destroyed: the driver goes first
  const std::lock_guard lock(mutex);
  auto& instance = (*runtimes)[index];
  if (!instance) instance = std::make_unique<CudaRuntime>(index);
  return *instance;
}

}  // namespace kantor
