#include "models/training/sampling.h"

#include "engine/grad_mode.h"
#include "engine/ops.h"
#include "engine/random.h"

#include <algorithm>

namespace kantor {
namespace {

constexpr int64_t piece = 64;

}  // namespace

void for_samples(const Network& generator, const Noise& noise, int64_t count,
                 const std::function<void(int64_t first, const Tensor& samples)>& fn) {
  const NoGrad no_grad;
  const TensorOptions options = generator.options();
  const Tensor step = full({}, static_cast<double>(noise.step), {DType::int64, options.device});
  for (int64_t first = 0; first < count; first += piece) {
    const Tensor z = normal({piece, noise.z}, Draw{noise.seed, noise.stream, step, first * noise.z}, options.dtype);
    const Tensor samples = generator(z, Mode::evaluate);
    const int64_t n = std::min(piece, count - first);
    fn(first, n == piece ? samples : slice(samples, 0, 0, n));
  }
}

Tensor generate(const Network& generator, const Noise& noise, int64_t count) {
  Tensor all;
  for_samples(generator, noise, count, [&](int64_t first, const Tensor& samples) {
    if (!all.defined()) all = empty(samples.shape().with(0, count), generator.options());
    all.narrow(first * samples.shape().size_from(1), samples.shape()).copy_from(samples);
  });
  return all;
}

}  // namespace kantor
