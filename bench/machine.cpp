#include "bench/machine.h"

#include "bench/host_products.h"
#include "bench/replay.h"
#include "engine/ops.h"
#include "engine/products.h"
#include "engine/random.h"
#include "engine/target.h"
#include "engine/threads.h"
#include "kernels/host/available_memory.h"
#include "kernels/host/threads.h"

#ifdef KANTOR_HAS_CUDA
#include "kernels/cuda/cublas.h"
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
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
/// Of whole cache lines, in sums that do not wait for each other.
uint64_t parity(const float* x, int64_t n) {
  using Line __attribute__((vector_size(64), may_alias)) = uint64_t;
  constexpr int64_t floats = sizeof(Line) / sizeof(float), sums = 4;
  const auto* lines = reinterpret_cast<const Line*>(x);
  Line sum[sums] = {};
  for (int64_t i = 0; i + sums <= n / floats; i += sums) {
    for (int64_t k = 0; k < sums; ++k) sum[k] ^= lines[i + k];
  }
  sum[0] ^= sum[1] ^ sum[2] ^ sum[3];
  return sum[0][0] ^ sum[0][3];
}

/// Two arrays that together are twice the last cache, if that is not too much, and streams that walk over them: what a
/// stretch touches has left the caches since it was last there.
class HostStreams {
 public:
  HostStreams()
      : size_(std::clamp<int64_t>(2 * last_cache(), int64_t{64} << 20, int64_t{256} << 20) / 4 / whole * whole),
        from_memory_(new float[static_cast<size_t>(size_ + line)]),
        to_memory_(new float[static_cast<size_t>(size_ + line)]),
        from_(at_line(from_memory_.get())),
        to_(at_line(to_memory_.get())) {
    each_part(0, size_, [&](int64_t i, int64_t n) {  // the pages come into being where they are used
      std::fill_n(from_ + i, n, 1.0F);
      std::fill_n(to_ + i, n, 2.0F);
    });
  }

  /// Walks over both arrays in stretches of 1/1024, 1/128 and 1/16 of them, and as a whole, at least three times.
  /// fn(to, from, elements) is called by all threads; `arrays`: how many of both it moves.
  template <class F>
  void measure(StreamRates& rates, const std::string& by, int arrays, double seconds, const F& fn) const {
    for (const int64_t stretches : {1024, 128, 16, 1}) {
      const int64_t stretch = size_ / stretches;
      const double bytes = static_cast<double>(4 * arrays * stretch);
      std::vector<double> times;
      const auto start = Clock::now();
      do {
        for (const bool swapped : {false, true}) {  // else one of both would stay in a large cache
          float *to = swapped ? from_ : to_, *from = swapped ? to_ : from_;
          for (int64_t first = 0; first + stretch <= size_; first += stretch) {
            times.push_back(
                seconds_of([&] { each_part(first, stretch, [&](int64_t i, int64_t n) { fn(to + i, from + i, n); }); }));
          }
        }
      } while (times.size() < 3 || std::chrono::duration<double>(Clock::now() - start).count() < seconds / 4);
      const double best = std::max(quantile(times, 0), 1e-9);
      rates.take(bytes, {bytes / best, quantile(times, stretches == 1 ? 0.9 : 0.5) / best, by});
    }
  }

 private:
  static constexpr int64_t line = 16;            // elements of a cache's line
  static constexpr int64_t whole = 1024 * line;  // every stretch is whole lines
  static float* at_line(float* p) { return reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(p) + 63) / 64 * 64); }
  /// Calls fn(first, elements) for parts of a stretch, on all threads: a megabyte, or less, that each has some.
  template <class F>
  static void each_part(int64_t first, int64_t stretch, const F& fn) {
    const int64_t part = std::max(std::min(int64_t{1} << 18, stretch / threads() / line * line), line);
    host::for_each_piece((stretch + part - 1) / part,
                         [&](int64_t p) { fn(first + p * part, std::min(part, stretch - p * part)); });
  }

  int64_t size_;
  std::unique_ptr<float[]> from_memory_, to_memory_;
  float *from_, *to_;
};

void measure_host_memory(Machine& machine, double seconds) {
  const HostStreams streams;
  const double part = seconds / 6;
  streams.measure(machine.copy, "plain stores", 2, part, plain_copy);
  streams.measure(machine.copy, "stores past the caches", 2, part, stream_out);
  streams.measure(machine.update, "plain stores", 2, part, [](float* to, const float*, int64_t n) { add_one(to, n); });
  streams.measure(machine.write, "plain stores", 1, part,
                  [](float* to, const float*, int64_t n) { std::fill_n(to, n, 1.0F); });
  streams.measure(machine.write, "stores past the caches", 1, part,
                  [](float* to, const float*, int64_t n) { stream_fill(to, n); });
  std::atomic<uint64_t> used = 0;  // so that the loads are not left out
  streams.measure(machine.read, "loads", 1, part,
                  [&](float*, const float* from, int64_t n) { used ^= parity(from, n); });
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
  machine.copy.take(2 * all, timed(
                                 "the device's copy", 2 * all, [&] { to.copy_from(from); }, RunAs::recorded));
  const Tensor total = zeros({}, {DType::float32, device});
  if (!sim) {  // short ones, after a long one has filled the caches
    Replay flush([&] { to.copy_from(from); }, device, "in-place");
    for (const int64_t part : {int64_t{2'000'000}, int64_t{16'000'000}}) {
      Replay copy([&] { to.narrow(0, {part}).copy_from(from.narrow(0, {part})); }, device, "in-place");
      const double bytes = static_cast<double>(8 * part);
      machine.copy.take(bytes, rate_of("the device's copy", bytes, seconds / 8, [&] {
                          flush.seconds(1);
                          return copy.seconds(1);
                        }));
    }
  }
  // A device's memory takes as long for a byte that is read as for one that is written, to a few percent.
  machine.update = machine.read = machine.write = machine.copy;
  machine.read.take(2 * all, timed(
                                 "a sum", all, [&] { total.copy_from(sum(from)); }, RunAs::recorded));
  const auto own_product = [&](int64_t n) {
    const Tensor a = full({n, n}, 1, {DType::float32, device}), c = zeros({n, n}, {DType::float32, device});
    machine.product = timed(
        "a product", 2 * std::pow(static_cast<double>(n), 3), [&] { c.copy_from(matmul(a, a)); }, RunAs::recorded);
  };
  if (sim) own_product(32);
#ifdef KANTOR_HAS_CUDA
  if (device.kind != Device::Kind::cuda) return;
  if (!cuda::why_no_cublas().empty()) return own_product(4096);  // then no row tells how far it is from the best
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

Rate StreamRates::at(double bytes) const {
  Rate best = longest();
  for (const Part& part : parts) {
    if (part.bytes >= bytes / 2) take_better(best, part.rate);
  }
  return best;
}

void StreamRates::take(double bytes, const Rate& rate) {
  for (Part& part : parts) {
    if (part.bytes == bytes) return take_better(part.rate, rate);
  }
  parts.push_back({bytes, rate});
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.bytes < b.bytes; });
}

double Machine::bytes_per_second(const Streams& streams, double bytes) const {
  const double reads = streams.reads, writes = streams.writes;
  if (reads == 0) return write.at(bytes).best;
  const double both = (streams.in_place ? update : copy).at(bytes).best;
  if (both <= 0) return 0;
  // Seconds a byte: a copy reads one byte for each that it writes.
  const double reading = 1 / std::max(read.at(bytes).best, both);
  const double writing = std::max(2 / both - reading, reading / 2);
  return (reads + writes) / (reads * reading + writes * writing);
}

double Machine::spread(const Streams& streams, double bytes) const {
  if (streams.reads == 0) return write.at(bytes).spread;
  const double writing = streams.writes == 0 ? 1 : (streams.in_place ? update : copy).at(bytes).spread;
  return std::max(read.at(bytes).spread, writing);
}

bool Machine::disturbed() const {
  constexpr double wide = 1.5;
  return copy.longest().spread > wide || product.spread > wide;
}

void Machine::merge(const Machine& other) {
  for (const auto& [mine, others] :
       {std::pair{&copy, &other.copy}, {&update, &other.update}, {&read, &other.read}, {&write, &other.write}}) {
    for (const StreamRates::Part& part : others->parts) mine->take(part.bytes, part.rate);
  }
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
  for (const auto& [name, rates] : {std::pair{"copy", &machine.copy},
                                    {"update", &machine.update},
                                    {"read", &machine.read},
                                    {"write", &machine.write}}) {
    const Rate rate = rates->longest();
    result[fmt::format("{}_bytes_per_second", name)] = rate.best;
    result[fmt::format("{}_spread", name)] = rate.spread;
    result[fmt::format("{}_by", name)] = rate.by;
    json& by_size = result[fmt::format("{}_by_size", name)] = json::array();
    for (const StreamRates::Part& part : rates->parts) by_size.push_back({part.bytes, part.rate.best});
  }
  result.update({{"product_flops_per_second", machine.product.best},
                 {"product_spread", machine.product.spread},
                 {"product_by", machine.product.by},
                 {"peak_flops_per_second", machine.peak}});
  return result;
}

}  // namespace kantor
