// Pointwise programs: a chain or a graph of functions in one launch.
//
// Bytes: each input read once, each output written once; what is between them never leaves the thread. A thread takes
// one element: neighbouring threads read neighbouring elements, which fills each transaction. All threads take the same
// way through the steps, so that choosing a function costs a uniform branch. Registers are indexed by numbers that are
// not known when this is compiled, so they lie in local memory, which stays in the first-level cache.
#include "kernels/backend.h"
#include "kernels/pointwise_program.h"

namespace kantor::KANTOR_BACKEND {
namespace {

constexpr int block = 256;

template <class T>
__global__ void pointwise_program_kernel(PointwiseProgram program, PointwiseArrays<T> arrays, int64_t size) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  T registers[PointwiseProgram::most_inputs + PointwiseProgram::most_steps];
  for (int k = 0; k < program.inputs; ++k) registers[k] = arrays.input[k][program.single[k] ? 0 : i];
  for (int s = 0; s < program.steps; ++s) {
    const PointwiseProgram::Step& step = program.step[s];
    const T a = registers[step.a], b = registers[step.b];
    T result = 0;
    step.function.visit([&](const auto& f) {
      if constexpr (requires { f(a, b); }) {
        result = f(a, b);
      } else {
        result = f(a);
      }
    });
    registers[program.result_of(s)] = result;
  }
  for (int k = 0; k < program.outputs; ++k) arrays.output[k][i] = registers[program.output[k]];
}

}  // namespace

template <class T>
void pointwise_program(const PointwiseProgram& program, const PointwiseArrays<T>& arrays, int64_t size, Stream stream) {
  if (size == 0) return;
  launch<pointwise_program_kernel<T>>({blocks_for(size, block), block, 0, stream}, program, arrays, size);
}

template void pointwise_program(const PointwiseProgram&, const PointwiseArrays<float>&, int64_t, Stream);
template void pointwise_program(const PointwiseProgram&, const PointwiseArrays<double>&, int64_t, Stream);

}  // namespace kantor::KANTOR_BACKEND
