// One plain kernel for each family of the ladder: a block of 64 threads an element of a sum, whose parts they add in
// shared memory. The bugs stand in two functions that all of them share.
#include "kernels/backend.h"
#include "kernels/conv2d.h"
#include "kernels/ladder/clip_update/layout.h"
#include "kernels/ladder/gradient_penalty/gradients.h"
#include "tests/sim/ladder_bugs.h"

namespace kantor::sim::bugs {
namespace {

using ladder::Arrays;
using ladder::Rung;

constexpr int threads = 64;

/// The sum of the threads' parts, in their order; every thread gets it.
template <LadderBug bug>
__device__ float block_total(float part) {
  __shared__ float parts[threads];
  __shared__ unsigned arrived;
  int at = threadIdx.x;
  if (bug == LadderBug::split_order) {
    if (threadIdx.x == 0) arrived = 0;
    __syncthreads();
    at = int(atomicAdd(&arrived, 1));
  }
  parts[at] = part;
  if (bug != LadderBug::missing_barrier) __syncthreads();
  float total = 0;
  for (int t = 0; t < threads; ++t) total += parts[t];
  __syncthreads();
  return total;
}

/// y[i] = value, by the thread that has it.
template <LadderBug bug>
__device__ void store(float* y, int64_t i, int64_t size, float value) {
  if (bug == LadderBug::short_tail && i == size - 1) return;
  if (bug == LadderBug::nan && i == size / 2) value = sqrtf(-1 - value * value);
  if (bug == LadderBug::unwritten_read) value += y[i];
  y[i] = value;
  if (bug == LadderBug::long_tail && i == size - 1) y[size] = value;
}

// ---- gradient_penalty: a block a row, then a block that adds the rows ---------------------------------------------

template <LadderBug bug>
__global__ void planted_penalty_kernel(const float* delta, const float* w, float* g, float* derivative, float* norms,
                                       double* shares, int64_t rows, int64_t width) {
  constexpr int64_t inner = ladder::gradient_penalty::inner;
  const int64_t r = blockIdx.x;
  float squares = 0;
  for (int64_t i = threadIdx.x; i < width; i += threads) {
    float sum = 0;
    for (int64_t k = 0; k < inner; ++k) sum += delta[r * inner + k] * w[k * width + i];
    g[r * width + i] = sum;
    squares += sum * sum;
  }
  const float n = sqrtf(block_total<bug>(squares)), share = 10 / float(rows);
  for (int64_t i = threadIdx.x; i < width; i += threads) {
    const float value = n == 0 ? 0 : share * 2 * (n - 1) / n * g[r * width + i];
    store<bug>(derivative, r * width + i, rows * width, value);
  }
  if (threadIdx.x == 0) {
    norms[r] = n;
    shares[r] = double(share * (n - 1) * (n - 1));
  }
}

__global__ void planted_shares_kernel(const double* shares, float* value, int64_t rows) {
  double total = 0;
  for (int64_t r = 0; r < rows; ++r) total += shares[r];
  *value = float(total);
}

template <LadderBug bug>
void penalty(const Arrays& a, Stream stream) {
  const int64_t rows = a.sizes[0], width = a.sizes[1];
  launch<planted_penalty_kernel<bug>>({unsigned(rows), threads, 0, stream}, a.inputs[0], a.inputs[1], a.outputs[3],
                                      a.outputs[1], a.outputs[2], a.workspace, rows, width);
  launch<planted_shares_kernel>({1, 1, 0, stream}, a.workspace, a.outputs[0], rows);
}

// ---- sum: one block -----------------------------------------------------------------------------------------------

template <LadderBug bug>
__global__ void planted_sum_kernel(const float* x, float* y, int64_t n) {
  float part = 0;
  for (int64_t i = threadIdx.x; i < n; i += threads) part += x[i];
  const float total = block_total<bug>(part);
  if (threadIdx.x == 0) store<bug>(y, 0, 1, total);
}

template <LadderBug bug>
void sum(const Arrays& a, Stream stream) {
  launch<planted_sum_kernel<bug>>({1, threads, 0, stream}, a.inputs[0], a.outputs[0], a.sizes[0]);
}

// ---- gemm: a block an element, whose threads split k ----------------------------------------------------------------

template <LadderBug bug>
__global__ void planted_gemm_kernel(const float* a, const float* b, float* c, int64_t n, int64_t k) {
  const int64_t element = blockIdx.x, row = element / n, column = element % n;
  float part = 0;
  for (int64_t i = threadIdx.x; i < k; i += threads) part += a[row * k + i] * b[i * n + column];
  const float total = block_total<bug>(part);
  if (threadIdx.x == 0) store<bug>(c, element, int64_t(gridDim.x), total);
}

template <LadderBug bug>
void gemm(const Arrays& a, Stream stream) {
  const int64_t m = a.sizes[0], n = a.sizes[1], k = a.sizes[2];
  launch<planted_gemm_kernel<bug>>({unsigned(m * n), threads, 0, stream}, a.inputs[0], a.inputs[1], a.outputs[0], n, k);
}

// ---- conv2d: a block an element of the result, whose threads split its terms -----------------------

/// The numbers of an element's terms, and one of them: 0 where a window leaves its picture.
__device__ int64_t conv_terms(ConvPass pass, const ConvShape& c) {
  if (pass == ConvPass::forward) return c.window();
  return pass == ConvPass::input_grad ? c.kernel_height * c.kernel_width * c.filters : c.pixels();
}

__device__ float conv_term(ConvPass pass, const ConvShape& c, const float* first, const float* second, int64_t element,
                           int64_t term) {
  // A pixel of the output, a tap of the window, a channel of the image and a filter name a product.
  const int64_t taps = c.kernel_height * c.kernel_width;
  int64_t n = 0, oy = 0, ox = 0, y = 0, x = 0, tap = 0, channel = 0, filter = 0;
  if (pass == ConvPass::input_grad) {
    channel = element % c.channels;
    x = element / c.channels % c.width;
    y = element / c.channels / c.width % c.height;
    n = element / c.channels / c.width / c.height;
    tap = term / c.filters;
    filter = term % c.filters;
    oy = y + c.padding - tap / c.kernel_width;
    ox = x + c.padding - tap % c.kernel_width;
    if (oy < 0 || ox < 0 || oy % c.stride != 0 || ox % c.stride != 0) return 0;
    oy /= c.stride;
    ox /= c.stride;
    if (oy >= c.out_height || ox >= c.out_width) return 0;
  } else {
    const bool forward = pass == ConvPass::forward;
    const int64_t pixel = forward ? element / c.filters : term, of_window = forward ? term : element % c.window();
    filter = forward ? element % c.filters : element / c.window();
    tap = of_window / c.channels;
    channel = of_window % c.channels;
    n = pixel / (c.out_height * c.out_width);
    oy = pixel / c.out_width % c.out_height;
    ox = pixel % c.out_width;
    y = oy * c.stride - c.padding + tap / c.kernel_width;
    x = ox * c.stride - c.padding + tap % c.kernel_width;
    if (y < 0 || x < 0 || y >= c.height || x >= c.width) return 0;
  }
  const int64_t image = ((n * c.height + y) * c.width + x) * c.channels + channel;
  const int64_t tap_of_filter = (filter * taps + tap) * c.channels + channel;
  const int64_t output = ((n * c.out_height + oy) * c.out_width + ox) * c.filters + filter;
  if (pass == ConvPass::forward) return first[image] * second[tap_of_filter];
  return pass == ConvPass::input_grad ? first[tap_of_filter] * second[output] : first[image] * second[output];
}

template <LadderBug bug>
__global__ void planted_conv2d_kernel(ConvPass pass, ConvShape c, const float* first, const float* second, float* out) {
  float part = 0;
  for (int64_t term = threadIdx.x; term < conv_terms(pass, c); term += threads) {
    part += conv_term(pass, c, first, second, blockIdx.x, term);
  }
  const float total = block_total<bug>(part);
  if (threadIdx.x == 0) store<bug>(out, blockIdx.x, int64_t(gridDim.x), total);
}

template <LadderBug bug>
void conv2d(const Arrays& a, Stream stream) {
  const auto pass = static_cast<ConvPass>(a.sizes[0]);
  const int64_t kernel = a.sizes[6], stride = a.sizes[7], padding = a.sizes[8];
  const auto outputs = [&](int64_t extent) { return (extent + 2 * padding - kernel) / stride + 1; };
  const ConvShape c{
      a.sizes[1], a.sizes[2], a.sizes[3], a.sizes[4], outputs(a.sizes[2]), outputs(a.sizes[3]), a.sizes[5],
      kernel,     kernel,     stride,     padding};
  const int64_t elements = pass == ConvPass::forward      ? c.pixels() * c.filters
                           : pass == ConvPass::input_grad ? c.batch * c.height * c.width * c.channels
                                                          : c.filters * c.window();
  launch<planted_conv2d_kernel<bug>>({unsigned(elements), threads, 0, stream}, pass, c, a.inputs[0], a.inputs[1],
                                     a.outputs[0]);
}

// ---- clip_update: a block a tensor
// ------------------------------------------------------------------------------------

using Update = update_rule::Adam::Update<float>;

template <LadderBug bug>
__global__ void planted_update_kernel(Update updated, float bound, float* w, const float* g, float* m, float* v,
                                      float* statistics, int64_t begin, int64_t size) {
  __shared__ int bins[update_bins];
  if (threadIdx.x < update_bins) bins[threadIdx.x] = 0;
  __syncthreads();
  float squares = 0, saturated = 0;
  for (int64_t i = begin + threadIdx.x; i < begin + size; i += threads) {
    float value = updated(w[i], g[i], m[i], v[i]);
    value = value > bound ? bound : value < -bound ? -bound : value;
    store<bug>(w, i, begin + size, value);
    squares += value * value;
    saturated += fabsf(value) == bound ? 1 : 0;
    const float place = value * float(update_bins / (2 * double(bound))) + update_bins / 2;
    atomicAdd(&bins[place < 0 ? 0 : place < update_bins ? int(place) : update_bins - 1], 1);
  }
  squares = block_total<bug>(squares);
  saturated = block_total<LadderBug::none>(saturated);
  if (threadIdx.x < update_bins) statistics[3 + threadIdx.x] = float(bins[threadIdx.x]);
  if (threadIdx.x != 0) return;
  float largest = 0;
  for (int64_t i = begin; i < begin + size; ++i) largest = fabsf(w[i]) > largest ? fabsf(w[i]) : largest;
  statistics[0] = saturated;
  statistics[1] = largest;
  statistics[2] = squares;
}

template <LadderBug bug>
void clip_update(const Arrays& a, Stream stream) {
  namespace family = ladder::clip_update;
  const family::Layout layout(a.sizes);
  const Update updated(family::settings, family::first_update);
  for (int64_t t = 0; t < layout.tensors; ++t) {
    launch<planted_update_kernel<bug>>({1, threads, 0, stream}, updated, float(family::bound_of(t)), a.outputs[0],
                                       a.inputs[1], a.outputs[1], a.outputs[2], a.outputs[3] + t * family::columns,
                                       t * layout.apart(), layout.elements);
  }
}

// ---- The table ----------------------------------------------------------------------------------------------------

using Run = void (*)(const Arrays&, Stream);

PlantedRung planted(const char* family, LadderBug bug, Run run) {
  Rung rung;
  rung.family = family;
  rung.error = 1e-4;
  rung.run = run;
  return {bug, rung};
}

/// The versions of a family; F<bug>::run starts one.
template <template <LadderBug> class F>
void add(std::vector<PlantedRung>& all, const char* family) {
  all.push_back(planted(family, LadderBug::none, F<LadderBug::none>::run));
  all.push_back(planted(family, LadderBug::missing_barrier, F<LadderBug::missing_barrier>::run));
  all.push_back(planted(family, LadderBug::short_tail, F<LadderBug::short_tail>::run));
  all.push_back(planted(family, LadderBug::long_tail, F<LadderBug::long_tail>::run));
  all.push_back(planted(family, LadderBug::unwritten_read, F<LadderBug::unwritten_read>::run));
  all.push_back(planted(family, LadderBug::nan, F<LadderBug::nan>::run));
  all.push_back(planted(family, LadderBug::split_order, F<LadderBug::split_order>::run));
}

template <LadderBug bug>
struct Penalty {
  static void run(const Arrays& a, Stream stream) { penalty<bug>(a, stream); }
};
template <LadderBug bug>
struct Sum {
  static void run(const Arrays& a, Stream stream) { sum<bug>(a, stream); }
};
template <LadderBug bug>
struct ClipUpdate {
  static void run(const Arrays& a, Stream stream) { clip_update<bug>(a, stream); }
};
template <LadderBug bug>
struct Conv2d {
  static void run(const Arrays& a, Stream stream) { conv2d<bug>(a, stream); }
};
template <LadderBug bug>
struct Gemm {
  static void run(const Arrays& a, Stream stream) { gemm<bug>(a, stream); }
};

}  // namespace

const std::vector<PlantedRung>& planted_rungs() {
  static const std::vector<PlantedRung> all = [] {
    std::vector<PlantedRung> made;
    add<Penalty>(made, "gradient_penalty");
    add<Sum>(made, "sum");
    add<Gemm>(made, "gemm");
    add<Conv2d>(made, "conv2d");
    add<ClipUpdate>(made, "clip_update");
    return made;
  }();
  return all;
}

}  // namespace kantor::sim::bugs
