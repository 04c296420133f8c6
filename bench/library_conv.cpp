#include "bench/library_conv.h"

#include "engine/error.h"
#include "engine/products.h"
#include "engine/target.h"
#include "engine/threads.h"

#include <memory>
#include <unordered_map>
#include <utility>

#ifdef KANTOR_HAS_ONEDNN
#include <dnnl.hpp>
#include <omp.h>
#endif
#ifdef KANTOR_HAS_CUDNN
#include "kernels/cuda/cudnn.h"
#endif

namespace kantor {
namespace {

using Tensors = std::vector<Tensor>;

#ifdef KANTOR_HAS_ONEDNN
using dnnl::memory;

/// A pass with its memory, in oneDNN's words: src is the image, dst the output.
struct OneDnnConv {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::primitive pass, back;  // back: the filter's gradient into the engine's order
  std::unordered_map<int, memory> arguments, back_arguments;

  OneDnnConv(const ConvCall& call, const Tensors& inputs, const Tensors& outputs) {
    const ConvShape& c = call.shape;
    const auto type = memory::data_type::f32;
    const auto nhwc = memory::format_tag::nhwc, any = memory::format_tag::any;
    const memory::dims image{c.batch, c.channels, c.height, c.width},
        output{c.batch, c.filters, c.out_height, c.out_width},
        filter{c.filters, c.channels, c.kernel_height, c.kernel_width}, strides{c.stride, c.stride};
    const memory::desc src(image, type, nhwc), dst(output, type, nhwc), weights(filter, type, any),
        own_weights(filter, type, memory::format_tag::ohwi);
    // What reaches below and to the right of the image: less than the padding where the last window does not need it.
    const auto after = [&](int64_t extent, int64_t out, int64_t kernel) {
      return (out - 1) * c.stride + kernel - extent - c.padding;
    };
    const memory::dims before{c.padding, c.padding},
        behind{after(c.height, c.out_height, c.kernel_height), after(c.width, c.out_width, c.kernel_width)};
    const auto algorithm = dnnl::algorithm::convolution_auto;
    const auto training = dnnl::prop_kind::forward_training;
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::convolution_forward::primitive_desc forward(engine, training, algorithm, src, weights, dst, strides,
                                                            before, behind);
#else
    const dnnl::convolution_forward::primitive_desc forward(
        {training, algorithm, src, weights, dst, strides, before, behind}, engine);
#endif
    const auto array = [&](const memory::desc& layout, const Tensor& tensor) {
      return memory(layout, engine, tensor.view().data);
    };
    const auto liked = [&](const memory::desc& layout, const Tensor& tensor) {  // a filter, put in order
      memory reordered(layout, engine);
      memory given(own_weights, engine, tensor.view().data);
      dnnl::reorder(given, reordered).execute(stream, given, reordered);
      stream.wait();
      return reordered;
    };
    if (call.pass == ConvPass::forward) {
      pass = dnnl::convolution_forward(forward);
      arguments = {{DNNL_ARG_SRC, array(src, inputs[0])},
                   {DNNL_ARG_WEIGHTS, liked(forward.weights_desc(), inputs[1])},
                   {DNNL_ARG_DST, array(dst, outputs[0])}};
    } else if (call.pass == ConvPass::input_grad) {
#if DNNL_VERSION_MAJOR >= 3
      const dnnl::convolution_backward_data::primitive_desc backward(engine, algorithm, src, weights, dst, strides,
                                                                     before, behind, forward);
#else
      const dnnl::convolution_backward_data::primitive_desc backward(
          {algorithm, src, weights, dst, strides, before, behind}, engine, forward);
#endif
      pass = dnnl::convolution_backward_data(backward);
      arguments = {{DNNL_ARG_DIFF_DST, array(dst, inputs[0])},
                   {DNNL_ARG_WEIGHTS, liked(backward.weights_desc(), inputs[1])},
                   {DNNL_ARG_DIFF_SRC, array(src, outputs[0])}};
    } else {
#if DNNL_VERSION_MAJOR >= 3
      const dnnl::convolution_backward_weights::primitive_desc backward(engine, algorithm, src, weights, dst, strides,
                                                                        before, behind, forward);
#else
      const dnnl::convolution_backward_weights::primitive_desc backward(
          {algorithm, src, weights, dst, strides, before, behind}, engine, forward);
#endif
      pass = dnnl::convolution_backward_weights(backward);
      memory found(backward.diff_weights_desc(), engine), given = array(own_weights, outputs[0]);
      arguments = {{DNNL_ARG_SRC, array(src, inputs[0])},
                   {DNNL_ARG_DIFF_DST, array(dst, inputs[1])},
                   {DNNL_ARG_DIFF_WEIGHTS, found}};
      back = dnnl::reorder(found, given);
      back_arguments = {{DNNL_ARG_FROM, found}, {DNNL_ARG_TO, given}};
    }
  }

  void operator()() {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads());
    pass.execute(stream, arguments);
    if (!back_arguments.empty()) back.execute(stream, back_arguments);
    stream.wait();
    omp_set_num_threads(before);
  }
};
#endif

}  // namespace

std::optional<LibraryConv> library_conv([[maybe_unused]] const ConvCall& call, [[maybe_unused]] Device device) {
#ifdef KANTOR_HAS_ONEDNN
  if (device.kind == Device::Kind::cpu) {
    return LibraryConv{"oneDNN", [call](const Tensors& inputs, const Tensors& outputs) -> std::function<void()> {
                         const auto conv = std::make_shared<OneDnnConv>(call, inputs, outputs);
                         return [conv] { (*conv)(); };
                       }};
  }
#endif
#ifdef KANTOR_HAS_CUDNN
  if (device.kind == Device::Kind::cuda && cuda::why_no_cudnn().empty()) {
    const Target target = target_of(device);
    int64_t bytes = 0;
    try {
      bytes = static_cast<int64_t>(cuda::library_conv2d_workspace(call.pass, call.shape, false, target.stream));
    } catch (const KernelError&) {  // no algorithm for it
      return std::nullopt;
    }
    return LibraryConv{"cuDNN", [=](const Tensors& inputs, const Tensors& outputs) -> std::function<void()> {
                         const auto workspace = std::make_shared<Temporary>(target, bytes);
                         return [=] {
                           const auto at = [](const Tensor& tensor) { return tensor.view().as<float>(); };
                           const bool forward = call.pass == ConvPass::forward,
                                      image = call.pass == ConvPass::input_grad;
                           cuda::library_conv2d(call.pass, call.shape, at(image ? outputs[0] : inputs[0]),
                                                at(!forward && !image ? outputs[0] : inputs[1]),
                                                at(forward ? outputs[0]
                                                   : image ? inputs[0]
                                                           : inputs[1]),
                                                workspace->as<void>(), false, target.stream);
                         };
                       }};
  }
#endif
  return std::nullopt;
}

}  // namespace kantor
