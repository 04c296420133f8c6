#include "bench/machine.h"

#include "bench/host_products.h"
#include "bench/replay.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "engine/target.h"
#include "kernels/host/available_memory.h"
#include "kernels/host/threads.h"

#ifdef KANTOR_HAS_CUDA
#include "kernels/cuda/cublas.h"
#endif

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>
#include <utility>
#include <vector>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace kantor {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

/// The best rate of `amount` over several timings, `timed` giving the seconds of one.
template <class F>
Rate rate_of(const std::string& by, double amount, double seconds, const F& timed) {
  std::vector<double> times;
  const auto start = Clock::now();
  do times.push_back(std::max(timed(), 1e-9));
  while (times.size() < 3 ||
         (times.size() < 15 && std::chrono::duration<double>(Clock::now() - start).count() < seconds));
  const double best = quantile(times, 0);
  return {amount / best, quantile(times, 0.9) / best, by};
}

void take_better(Rate& rate, const Rate& other) {
  if (other.best > rate.best) rate = other;
}

double seconds_of(const auto& fn) {
  const auto start = Clock::now();
  fn();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// ---- the host's memory

/// Stores that bypass the caches: they need not fetch the lines that they write.
void stream_out(float* to, const float* from, int64_t n) {
#if defined(__SSE2__)
  for (int64_t i = 0; i < n; i += 4) _mm_stream_ps(to + i, _mm_loadu_ps(from + i));
  _mm_sfence();
#else
  std::copy_n(from, n, to);
#endif
}
void stream_fill(float* to, int64_t n) {
#if defined(__SSE2__)
  for (int64_t i = 0; i < n; i += 4) _mm_stream_ps(to + i, _mm_set1_ps(1));
  _mm_sfence();
#else
  std::fill_n(to, n, 1.0F);
#endif
}
void plain_copy(float* to, const float* from, int64_t n) {
  std::copy_n(from, n, to);
}
void add_one(float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] += 1;
}
uint64_t parity(const float* x, int64_t n) {
  uint64_t sum = 0, word = 0;
  for (int64_t i = 0; i + 2 <= n; i += 2) {
    std::memcpy(&word, x + i, sizeof(word));
    sum ^= word;
  }
  return sum;
}

constexpr int64_t stream_piece = int64_t{1} << 18;  // elements: a megabyte

/// Calls fn(first element) for pieces of stream_piece elements, on all threads.
template <class F>
double over_pieces(int64_t size, const F& fn) {
  return seconds_of([&] { host::for_each_piece(size / stream_piece, [&](int64_t p) { fn(p * stream_piece); }); });
}

void measure_host_memory(Machine& machine, double seconds) {
  const int64_t bytes = std::clamp<int64_t>(2 * last_cache(), int64_t{64} << 20, int64_t{256} << 20);
  const int64_t size = bytes / 4 / stream_piece * stream_piece;
  const std::unique_ptr<float[]> from_memory(new float[static_cast<size_t>(size) + 16]),
      to_memory(new float[static_cast<size_t>(size) + 16]);
  const auto at_line = [](float* p) {
    return reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(p) + 63) / 64 * 64);
  };
  float *from = at_line(from_memory.get()), *to = at_line(to_memory.get());
  over_pieces(size, [&](int64_t i) {  // the pages come into being where they are used
    std::fill_n(from + i, stream_piece, 1.0F);
    std::fill_n(to + i, stream_piece, 2.0F);
  });
  const double all = static_cast<double>(4 * size), part = seconds / 6;
  take_better(machine.copy, rate_of("plain stores", 2 * all, part, [&] {
                return over_pieces(size, [&](int64_t i) { plain_copy(to + i, from + i, stream_piece); });
              }));
  take_better(machine.copy, rate_of("stores past the caches", 2 * all, part, [&] {
                return over_pieces(size, [&](int64_t i) { stream_out(to + i, from + i, stream_piece); });
              }));
  take_better(machine.update, rate_of("plain stores", 2 * all, part, [&] {
                return over_pieces(size, [&](int64_t i) { add_one(to + i, stream_piece); });
              }));
  take_better(machine.write, rate_of("plain stores", all, part, [&] {
                return over_pieces(size, [&](int64_t i) { std::fill_n(to + i, stream_piece, 1.0F); });
              }));
  take_better(machine.write, rate_of("stores past the caches", all, part, [&] {
                return over_pieces(size, [&](int64_t i) { stream_fill(to + i, stream_piece); });
              }));
  std::vector<uint64_t> kept(static_cast<size_t>(size / stream_piece));
  take_better(machine.read, rate_of("loads", all, part, [&] {
                return over_pieces(size, [&](int64_t i) {
                  kept[static_cast<size_t>(i / stream_piece)] = parity(from + i, stream_piece);
                });
              }));
  volatile uint64_t used = 0;
  for (const uint64_t word : kept) used = used ^ word;
}

// ---- the host's products

/// Whether two elements of c are those of the product, so that a library that computes something else is no limit.
bool plausible(int64_t n, const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& c) {
  for (const int64_t at : {int64_t{0}, n * n - 1}) {
    double sum = 0, scale = 0;
    for (int64_t k = 0; k < n; ++k) {
      const double term = static_cast<double>(a[static_cast<size_t>(at / n * n + k)]) *
                          static_cast<double>(b[static_cast<size_t>(k * n + at % n)]);
      sum += term;
      scale += std::fabs(term);
    }
    if (!(std::fabs(sum - static_cast<double>(c[static_cast<size_t>(at)])) <= 1e-4 * scale)) return false;
  }
  return true;
}

void measure_host_products(Machine& machine, double seconds) {
  const double part = seconds / (2 * static_cast<double>(host_products().size()) + 1);
  constexpr int64_t most = 2048;
  std::vector<float> a(most * most), b(most * most), c(most * most);
  HostRandom random(1, 1);
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<float>(2 * random.uniform() - 1);
    b[i] = static_cast<float>(2 * random.uniform() - 1);
  }
  const HostProduct* best = nullptr;
  const auto time = [&](const HostProduct& product, int64_t n) {
    const double flops = 2 * std::pow(static_cast<double>(n), 3);
    std::fill(c.begin(), c.end(), std::nanf(""));
    const Rate rate = rate_of(fmt::format("{}, {} x {} x {}", product.name, n, n, n), flops, part,
                              [&] { return seconds_of([&] { product.run(n, a.data(), b.data(), c.data()); }); });
    if (!plausible(n, a, b, c) || rate.best <= machine.product.best) return;
    machine.product = rate;
    best = &product;
  };
  for (const HostProduct& product : host_products()) {
    for (const int64_t n : {int64_t{512}, int64_t{1024}}) time(product, n);
  }
  if (best != nullptr) time(*best, most);
}

// ---- a device

[[maybe_unused]] void measure_device(Machine& machine, Device device, double seconds) {
  const bool sim = device.kind == Device::Kind::sim;
  const int64_t size = sim ? 10'000 : 64'000'000;
  const Tensor from = full({size}, 1, {DType::float32, device}), to = zeros({size}, {DType::float32, device});
  const double all = static_cast<double>(4 * size);
  const auto timed = [&](const std::string& by, double amount, const std::function<void()>& fn, RunAs run_as) {
    if (run_as == RunAs::recorded) {
      Replay replay(fn, device, "in-place");
      return rate_of(by, amount, sim ? 0 : seconds / 8, [&] { return replay.seconds(1); });
    }
    DirectReplay replay(fn, device, true);
    return rate_of(by, amount, sim ? 0 : seconds / 8, [&] { return replay.seconds(1); });
  };
  machine.copy = timed(
      "the device's copy", 2 * all, [&] { to.copy_from(from); }, RunAs::recorded);
  // A device's memory takes as long for a byte that is read as for one that is written, to a few percent.
  machine.update = machine.read = machine.write = machine.copy;
  const Tensor total = zeros({}, {DType::float32, device});
  take_better(machine.read, timed(
                                "a sum", all, [&] { total.copy_from(sum(from)); }, RunAs::recorded));
  if (sim) {
    const Tensor a = full({32, 32}, 1, {DType::float32, device}), c = zeros({32, 32}, {DType::float32, device});
    machine.product = timed(
        "a product", 2 * 32 * 32 * 32, [&] { c.copy_from(matmul(a, a)); }, RunAs::recorded);
  }
#ifdef KANTOR_HAS_CUDA
  if (device.kind != Device::Kind::cuda) return;
  const Stream stream = target_of(device).stream;
  for (const int64_t n : {int64_t{1024}, int64_t{2048}, int64_t{4096}, int64_t{8192}}) {
    const Tensor counter = zeros({}, {DType::int64, device}), c = zeros({n, n}, {DType::float32, device});
    const Tensor a = normal({n, n}, 1, 1, counter), b = normal({n, n}, 1, 2, counter);
    const double flops = 2 * std::pow(static_cast<double>(n), 3);
    for (const bool tf32 : {false, true}) {
      if (tf32 && product_route(device).tiles != Arithmetic::three_tf32) continue;
      // Three TF32 products make one of float32's accuracy: a third of their rate is a limit too.
      const std::string by = fmt::format("cuBLAS{}, {} x {} x {}", tf32 ? ", TF32 / 3" : "", n, n, n);
      take_better(machine.product, timed(
                                       by, tf32 ? flops / 3 : flops,
                                       [&] {
                                         cuda::library_gemm(false, false, n, n, n, a.view().as<float>(),
                                                            b.view().as<float>(), c.view().as<float>(), tf32, stream);
                                       },
                                       RunAs::graph));
    }
  }
#endif
}

}  // namespace

double Machine::bytes_per_second(const Streams& streams) const {
  const double reads = streams.reads, writes = streams.writes;
  if (reads == 0) return write.best;
  if (read.best <= 0) return copy.best;
  const Rate& both = streams.in_place ? update : copy;
  // Seconds a byte: a copy reads one byte for each that it writes.
  const double reading = 1 / std::max(read.best, both.best), writing = std::max(2 / both.best - reading, reading * 0.5);
  return (reads + writes) / (reads * reading + writes * writing);
}

double Machine::spread(const Streams& streams) const {
  if (streams.reads == 0) return write.spread;
  return std::max(read.spread, streams.in_place ? update.spread : streams.writes > 0 ? copy.spread : 1.0);
}

bool Machine::disturbed() const {
  constexpr double wide = 1.5;
  return copy.spread > wide || product.spread > wide;
}

void Machine::merge(const Machine& other) {
  take_better(copy, other.copy);
  take_better(update, other.update);
  take_better(read, other.read);
  take_better(write, other.write);
  take_better(product, other.product);
  peak = std::max(peak, other.peak);
  if (peak > 0) peak = std::max(peak, product.best);  // which is no faster than registers alone
}

int64_t last_cache() {
  const int64_t found = sysconf(_SC_LEVEL3_CACHE_SIZE);
  const int64_t least = int64_t{32} << 20;
  return std::max(least, std::min(found, host::available_memory() / 16));
}

Machine measure_machine(Device device, double seconds) {
  Machine machine;
  if (device.kind != Device::Kind::cpu) {
    measure_device(machine, device, seconds);
    return machine;
  }
  measure_host_memory(machine, seconds / 2);
  measure_host_products(machine, seconds / 2);
  machine.peak = std::max(peak_flops(std::max(0.05, seconds / 20)), machine.product.best);
  return machine;
}

json to_json(const Machine& machine) {
  json result;
  for (const auto& [name, rate] : {std::pair{"copy", &machine.copy},
                                   {"update", &machine.update},
                                   {"read", &machine.read},
                                   {"write", &machine.write}}) {
    result[fmt::format("{}_bytes_per_second", name)] = rate->best;
    result[fmt::format("{}_spread", name)] = rate->spread;
    result[fmt::format("{}_by", name)] = rate->by;
  }
  result.update({{"product_flops_per_second", machine.product.best},
                 {"product_spread", machine.product.spread},
                 {"product_by", machine.product.by},
                 {"peak_flops_per_second", machine.peak}});
  return result;
}

}  // namespace kantor
