// The library beside the ladder: cuDNN in float32, by an algorithm whose bits are the same in every run, on GPUs where
// it can be loaded. Nothing is read of it but its time.
#include "kernels/ladder/conv2d/sizes.h"
#include "kernels/ladder/rung.h"

#if defined(__CUDACC__) && defined(KANTOR_HAS_CUDNN)
#include "kernels/cuda/cudnn.h"

#include <memory>

namespace kantor::cuda {
namespace {

/// At least this many bytes, kept from call to call.
void* workspace_of(size_t bytes) {
  using Block = std::unique_ptr<void, void (*)(void*)>;
  static size_t size = 0;
  static auto& block = *new Block(nullptr, [](void* data) { (void)cudaFree(data); });  // outlives the driver's end
  if (bytes > size) {
    void* data = nullptr;
    check(cudaMalloc(&data, bytes), "of the ladder", "allocating cuDNN's workspace");
    block.reset(data);
    size = bytes;
  }
  return block.get();
}

void run(const ladder::Arrays& a, Stream stream) {
  const ConvCall call = ladder::conv2d::engine_call(a);
  void* const workspace = workspace_of(library_conv2d_workspace(call.pass, call.shape, false, stream));
  library_conv2d(call.pass, call.shape, call.image, call.filter, call.output, workspace, false, stream);
}

KANTOR_RUNG(
    conv2d, 0, "cuDNN", run, .takes = [](const ladder::Sizes&) { return why_no_cudnn().empty(); });

}  // namespace
}  // namespace kantor::cuda
#endif
