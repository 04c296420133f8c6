#include "kernels/cuda/cudnn.h"

#include "kernels/cuda/check.h"

#include <array>
#include <cudnn.h>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

namespace kantor::cuda {
namespace {

void check(cudnnStatus_t status, const char* action) {
  if (status != CUDNN_STATUS_SUCCESS) {
    throw KernelError(std::string("cudnn: ") + action + " failed: " + cudnnGetErrorString(status));
  }
}

std::string describe(ConvPass pass, const ConvShape& c) {
  const char* name = pass == ConvPass::forward      ? "convolution"
                     : pass == ConvPass::input_grad ? "input gradient"
                                                    : "weight gradient";
  const auto text = [](int64_t n) { return std::to_string(n); };
  return std::string(name) + " of images [" + text(c.batch) + ", " + text(c.height) + ", " + text(c.width) + ", " +
         text(c.channels) + "] by " + text(c.filters) + " filters " + text(c.kernel_height) + "x" +
         text(c.kernel_width) + ", stride " + text(c.stride) + ", padding " + text(c.padding);
}

/// What a pass needs, made once: descriptors, the algorithm and its workspace. Kept for the life of the program.
struct Plan {
  cudnnTensorDescriptor_t image = nullptr, output = nullptr;
  cudnnFilterDescriptor_t filter = nullptr;
  cudnnConvolutionDescriptor_t convolution = nullptr;
  int algorithm = 0;
  size_t workspace = 0;

  Plan(cudnnHandle_t handle, ConvPass pass, const ConvShape& c, bool tf32) {
    const auto whole = [](int64_t n) { return static_cast<int>(n); };
    check(cudnnCreateTensorDescriptor(&image), "describing a tensor");
    check(cudnnCreateTensorDescriptor(&output), "describing a tensor");
    check(cudnnCreateFilterDescriptor(&filter), "describing a filter");
    check(cudnnCreateConvolutionDescriptor(&convolution), "describing a convolution");
    check(cudnnSetTensor4dDescriptor(image, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, whole(c.batch), whole(c.channels),
                                     whole(c.height), whole(c.width)),
          "describing the images");
    check(cudnnSetTensor4dDescriptor(output, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, whole(c.batch), whole(c.filters),
                                     whole(c.out_height), whole(c.out_width)),
          "describing the output");
    check(cudnnSetFilter4dDescriptor(filter, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, whole(c.filters), whole(c.channels),
                                     whole(c.kernel_height), whole(c.kernel_width)),
          "describing the filter");
    check(cudnnSetConvolution2dDescriptor(convolution, whole(c.padding), whole(c.padding), whole(c.stride),
                                          whole(c.stride), 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
          "describing the convolution");
    check(cudnnSetConvolutionMathType(convolution, tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH), "choosing arithmetic");
    choose(handle, pass, c);
  }

 private:
  /// The first algorithm of cuDNN's own order that gives the same bits in every run.
  void choose(cudnnHandle_t handle, ConvPass pass, const ConvShape& c) {
    const auto pick = [&](const auto& results, int found) {
      for (int i = 0; i < found; ++i) {
        const auto& r = results[static_cast<size_t>(i)];
        if (r.status != CUDNN_STATUS_SUCCESS || r.determinism != CUDNN_DETERMINISTIC) continue;
        algorithm = static_cast<int>(r.algo);
        workspace = r.memory;
        return;
      }
      throw KernelError("cudnn has no deterministic algorithm for a " + describe(pass, c) +
                        "; run without cuDNN, with the project's own kernels");
    };
    constexpr int most = 16;
    int found = 0;
    if (pass == ConvPass::forward) {
      std::array<cudnnConvolutionFwdAlgoPerf_t, most> results{};
      check(cudnnGetConvolutionForwardAlgorithm_v7(handle, image, filter, convolution, output, most, &found,
                                                   results.data()),
            "choosing an algorithm");
      pick(results, found);
    } else if (pass == ConvPass::input_grad) {
      std::array<cudnnConvolutionBwdDataAlgoPerf_t, most> results{};
      check(cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, filter, output, convolution, image, most, &found,
                                                        results.data()),
            "choosing an algorithm");
      pick(results, found);
    } else {
      std::array<cudnnConvolutionBwdFilterAlgoPerf_t, most> results{};
      check(cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, image, output, convolution, filter, most, &found,
                                                          results.data()),
            "choosing an algorithm");
      pick(results, found);
    }
  }
};

/// One handle a stream, with its plans; never destroyed: the driver goes first at exit.
struct Library {
  cudnnHandle_t handle = nullptr;
  using Key = std::tuple<ConvPass, bool, std::array<int64_t, 11>>;
  std::map<Key, std::unique_ptr<Plan>> plans;

  explicit Library(Stream stream) {
    check(cudnnCreate(&handle), "starting");
    check(cudnnSetStream(handle, stream), "choosing the stream");
  }
  const Plan& plan(ConvPass pass, const ConvShape& c, bool tf32) {
    const Key key{pass,
                  tf32,
                  {c.batch, c.height, c.width, c.channels, c.out_height, c.out_width, c.filters, c.kernel_height,
                   c.kernel_width, c.stride, c.padding}};
    auto& plan = plans[key];
    if (!plan) plan = std::make_unique<Plan>(handle, pass, c, tf32);
    return *plan;
  }
};

Library& library_of(Stream stream) {
  static auto* const libraries = new std::map<Stream, std::unique_ptr<Library>>;
  auto& library = (*libraries)[stream];
  if (!library) library = std::make_unique<Library>(stream);
  return *library;
}

std::mutex& library_mutex() {
  static auto* const mutex = new std::mutex;
  return *mutex;
}

}  // namespace

size_t library_conv2d_workspace(ConvPass pass, const ConvShape& shape, bool tf32, Stream stream) {
  const std::lock_guard lock(library_mutex());
  return library_of(stream).plan(pass, shape, tf32).workspace;
}

void library_conv2d(ConvPass pass, const ConvShape& shape, float* image, float* filter, float* output, void* workspace,
                    bool tf32, Stream stream) {
  const std::lock_guard lock(library_mutex());
  Library& library = library_of(stream);
  const Plan& p = library.plan(pass, shape, tf32);
  const float one = 1, zero = 0;
  switch (pass) {
    case ConvPass::forward:
      check(cudnnConvolutionForward(library.handle, &one, p.image, image, p.filter, filter, p.convolution,
                                    static_cast<cudnnConvolutionFwdAlgo_t>(p.algorithm), workspace, p.workspace, &zero,
                                    p.output, output),
            "a convolution");
      break;
    case ConvPass::input_grad:
      check(cudnnConvolutionBackwardData(library.handle, &one, p.filter, filter, p.output, output, p.convolution,
                                         static_cast<cudnnConvolutionBwdDataAlgo_t>(p.algorithm), workspace,
                                         p.workspace, &zero, p.image, image),
            "an input gradient");
      break;
    case ConvPass::weight_grad:
      check(cudnnConvolutionBackwardFilter(library.handle, &one, p.image, image, p.output, output, p.convolution,
                                           static_cast<cudnnConvolutionBwdFilterAlgo_t>(p.algorithm), workspace,
                                           p.workspace, &zero, p.filter, filter),
            "a weight gradient");
      break;
  }
  wait_if_synchronous(stream, "convolution of cuDNN");
}

std::string cudnn_version() {
  const size_t v = cudnnGetVersion();  // 91301: major * 10000 + minor * 100 + patch
  return std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." + std::to_string(v % 100);
}

}  // namespace kantor::cuda
