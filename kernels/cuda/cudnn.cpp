#include "kernels/cuda/cudnn.h"

#include "kernels/cuda/check.h"
#include "kernels/cuda/shared_library.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cudnn.h>
#include <initializer_list>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

namespace kantor::cuda {
namespace {

struct Cudnn {
  SharedLibrary library{"cuDNN", "libcudnn.so." + std::to_string(CUDNN_MAJOR)};
  KANTOR_LIBRARY_FUNCTION(cudnnCreate);
  KANTOR_LIBRARY_FUNCTION(cudnnDestroy);
  KANTOR_LIBRARY_FUNCTION(cudnnSetStream);
  KANTOR_LIBRARY_FUNCTION(cudnnCreateTensorDescriptor);
  KANTOR_LIBRARY_FUNCTION(cudnnSetTensor4dDescriptor);
  KANTOR_LIBRARY_FUNCTION(cudnnDestroyTensorDescriptor);
  KANTOR_LIBRARY_FUNCTION(cudnnCreateFilterDescriptor);
  KANTOR_LIBRARY_FUNCTION(cudnnSetFilter4dDescriptor);
  KANTOR_LIBRARY_FUNCTION(cudnnDestroyFilterDescriptor);
  KANTOR_LIBRARY_FUNCTION(cudnnCreateConvolutionDescriptor);
  KANTOR_LIBRARY_FUNCTION(cudnnSetConvolution2dDescriptor);
  KANTOR_LIBRARY_FUNCTION(cudnnSetConvolutionMathType);
  KANTOR_LIBRARY_FUNCTION(cudnnDestroyConvolutionDescriptor);
  KANTOR_LIBRARY_FUNCTION(cudnnGetConvolutionForwardAlgorithm_v7);
  KANTOR_LIBRARY_FUNCTION(cudnnGetConvolutionBackwardDataAlgorithm_v7);
  KANTOR_LIBRARY_FUNCTION(cudnnGetConvolutionBackwardFilterAlgorithm_v7);
  KANTOR_LIBRARY_FUNCTION(cudnnConvolutionForward);
  KANTOR_LIBRARY_FUNCTION(cudnnConvolutionBackwardData);
  KANTOR_LIBRARY_FUNCTION(cudnnConvolutionBackwardFilter);
  KANTOR_LIBRARY_FUNCTION(cudnnGetErrorString);
  KANTOR_LIBRARY_FUNCTION(cudnnGetVersion);
};

const Cudnn& cudnn() {
  static const Cudnn instance;  // if this throws, the next call tries again
  return instance;
}

void check(cudnnStatus_t status, const char* action) {
  if (status != CUDNN_STATUS_SUCCESS) {
    throw KernelError(std::string("cudnn: ") + action + " failed: " + cudnn().cudnnGetErrorString(status));
  }
}

/// Owns an object that cuDNN made with `create` (a member of Cudnn) and frees with `destroy`.
template <auto create, auto destroy, class Pointer>
class Made {
 public:
  explicit Made(const char* action) { check((cudnn().*create)(&pointer_), action); }
  ~Made() { (cudnn().*destroy)(pointer_); }
  Made(const Made&) = delete;
  Made& operator=(const Made&) = delete;
  operator Pointer() const { return pointer_; }

 private:
  Pointer pointer_ = nullptr;
};
using Handle = Made<&Cudnn::cudnnCreate, &Cudnn::cudnnDestroy, cudnnHandle_t>;
using TensorDescriptor =
    Made<&Cudnn::cudnnCreateTensorDescriptor, &Cudnn::cudnnDestroyTensorDescriptor, cudnnTensorDescriptor_t>;
using FilterDescriptor =
    Made<&Cudnn::cudnnCreateFilterDescriptor, &Cudnn::cudnnDestroyFilterDescriptor, cudnnFilterDescriptor_t>;
using ConvolutionDescriptor = Made<&Cudnn::cudnnCreateConvolutionDescriptor, &Cudnn::cudnnDestroyConvolutionDescriptor,
                                   cudnnConvolutionDescriptor_t>;

std::string describe(ConvPass pass, const ConvShape& c) {
  const char* name = pass == ConvPass::forward      ? "convolution"
                     : pass == ConvPass::input_grad ? "input gradient"
                                                    : "weight gradient";
  const auto text = [](int64_t n) { return std::to_string(n); };
  return std::string(name) + " of images [" + text(c.batch) + ", " + text(c.height) + ", " + text(c.width) + ", " +
         text(c.channels) + "] by " + text(c.filters) + " filters " + text(c.kernel_height) + "x" +
         text(c.kernel_width) + ", stride " + text(c.stride) + ", padding " + text(c.padding);
}

/// cuDNN counts in 32 bits. Throws KernelError naming the sizes if one of them, or an array's element count, is larger.
void require_countable(ConvPass pass, const ConvShape& c) {
  constexpr double most = std::numeric_limits<int32_t>::max();
  const auto product = [](std::initializer_list<int64_t> sizes) {
    double result = 1;  // a double, so that no size overflows
    for (const int64_t size : sizes) result *= static_cast<double>(size);
    return result;
  };
  const double largest = std::max({product({c.batch, c.height, c.width, c.channels}),
                                   product({c.batch, c.out_height, c.out_width, c.filters}),
                                   product({c.filters, c.kernel_height, c.kernel_width, c.channels}),
                                   static_cast<double>(c.stride), static_cast<double>(c.padding)});
  if (largest <= most) return;
  throw KernelError("cudnn: a " + describe(pass, c) +
                    " has arrays, a stride or a padding over 2147483647, which cuDNN cannot count; cut the batch, or "
                    "run without cuDNN");
}

/// What a pass needs, made once: descriptors, the algorithm and its workspace. Kept for the life of the program.
struct Plan {
  TensorDescriptor image{"describing a tensor"}, output{"describing a tensor"};
  FilterDescriptor filter{"describing a filter"};
  ConvolutionDescriptor convolution{"describing a convolution"};
  int algorithm = 0;
  size_t workspace = 0;

  Plan(cudnnHandle_t handle, ConvPass pass, const ConvShape& c, bool tf32) {
    const auto whole = [](int64_t n) { return static_cast<int>(n); };  // require_countable has checked the range
    check(cudnn().cudnnSetTensor4dDescriptor(image, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, whole(c.batch),
                                             whole(c.channels), whole(c.height), whole(c.width)),
          "describing the images");
    check(cudnn().cudnnSetTensor4dDescriptor(output, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, whole(c.batch),
                                             whole(c.filters), whole(c.out_height), whole(c.out_width)),
          "describing the output");
    check(cudnn().cudnnSetFilter4dDescriptor(filter, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, whole(c.filters),
                                             whole(c.channels), whole(c.kernel_height), whole(c.kernel_width)),
          "describing the filter");
    check(cudnn().cudnnSetConvolution2dDescriptor(convolution, whole(c.padding), whole(c.padding), whole(c.stride),
                                                  whole(c.stride), 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
          "describing the convolution");
    check(cudnn().cudnnSetConvolutionMathType(convolution, tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH),
          "choosing arithmetic");
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
      check(cudnn().cudnnGetConvolutionForwardAlgorithm_v7(handle, image, filter, convolution, output, most, &found,
                                                           results.data()),
            "choosing an algorithm");
      pick(results, found);
    } else if (pass == ConvPass::input_grad) {
      std::array<cudnnConvolutionBwdDataAlgoPerf_t, most> results{};
      check(cudnn().cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, filter, output, convolution, image, most,
                                                                &found, results.data()),
            "choosing an algorithm");
      pick(results, found);
    } else {
      std::array<cudnnConvolutionBwdFilterAlgoPerf_t, most> results{};
      check(cudnn().cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, image, output, convolution, filter, most,
                                                                  &found, results.data()),
            "choosing an algorithm");
      pick(results, found);
    }
  }
};

/// One handle per stream, with its plans. Never destroyed, because the driver may be unloaded first at exit.
struct Library {
  Handle handle{"starting"};
  using Key = std::tuple<ConvPass, bool, std::array<int64_t, 11>>;
  std::map<Key, std::unique_ptr<Plan>> plans;

  explicit Library(Stream stream) { check(cudnn().cudnnSetStream(handle, stream), "choosing the stream"); }
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

/// The version as one number: major * 10000 + minor * 100 + patch, such as 91301.
std::string text_of_version(size_t v) {
  return std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." + std::to_string(v % 100);
}

}  // namespace

size_t library_conv2d_workspace(ConvPass pass, const ConvShape& shape, bool tf32, Stream stream) {
  require_countable(pass, shape);
  const std::lock_guard lock(library_mutex());
  return library_of(stream).plan(pass, shape, tf32).workspace;
}

void library_conv2d(ConvPass pass, const ConvShape& shape, float* image, float* filter, float* output, void* workspace,
                    bool tf32, Stream stream) {
  require_countable(pass, shape);
  const std::lock_guard lock(library_mutex());
  Library& library = library_of(stream);
  const Plan& p = library.plan(pass, shape, tf32);
  const float one = 1, zero = 0;
  switch (pass) {
    case ConvPass::forward:
      check(cudnn().cudnnConvolutionForward(library.handle, &one, p.image, image, p.filter, filter, p.convolution,
                                            static_cast<cudnnConvolutionFwdAlgo_t>(p.algorithm), workspace, p.workspace,
                                            &zero, p.output, output),
            "a convolution");
      break;
    case ConvPass::input_grad:
      check(cudnn().cudnnConvolutionBackwardData(library.handle, &one, p.filter, filter, p.output, output,
                                                 p.convolution, static_cast<cudnnConvolutionBwdDataAlgo_t>(p.algorithm),
                                                 workspace, p.workspace, &zero, p.image, image),
            "an input gradient");
      break;
    case ConvPass::weight_grad:
      check(
          cudnn().cudnnConvolutionBackwardFilter(library.handle, &one, p.image, image, p.output, output, p.convolution,
                                                 static_cast<cudnnConvolutionBwdFilterAlgo_t>(p.algorithm), workspace,
                                                 p.workspace, &zero, p.filter, filter),
          "a weight gradient");
      break;
  }
  wait_if_synchronous(stream, "convolution of cuDNN");
}

std::string cudnn_built_with() {
  return text_of_version(CUDNN_VERSION);
}

std::string why_no_cudnn() {
  try {
    cudnn();
    return "";
  } catch (const KernelError& error) {
    return error.what();
  }
}

std::string cudnn_version() {
  return text_of_version(cudnn().cudnnGetVersion());
}

}  // namespace kantor::cuda
