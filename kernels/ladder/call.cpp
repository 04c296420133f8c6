#include "kernels/ladder/call.h"

#include "kernels/sim/simulator.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <random>
#include <utility>

namespace kantor::ladder {
namespace {

/// Even in [-1, 1], of the bits that the standard fixes for this generator.
std::vector<float> even_numbers(int64_t size, uint64_t seed) {
  std::mt19937_64 bits(seed);
  std::vector<float> values(static_cast<size_t>(size));
  for (float& value : values) value = static_cast<float>(static_cast<double>(bits() >> 40U) * 0x1p-23 - 1);
  return values;
}

/// Behind every output, to see what is written there.
const std::vector<float> guard(64, -0x1.5a5a5ap100F);

double error_of(double found, double expected, double scale) {
  if (std::isnan(expected)) return std::isnan(found) ? 0 : std::numeric_limits<double>::infinity();
  if (found == expected) return 0;
  const double error = std::abs(found - expected) / scale;
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

}  // namespace

#ifdef KANTOR_HAS_CUDA
const Memory& gpu_memory();  // cuda/memory.cpp
#endif

const Memory& memory_of(Backend backend) {
  static const Memory simulator{sim::device_malloc, sim::device_free, sim::copy_in, sim::copy_out};
  if (backend == Backend::sim) return simulator;
#ifdef KANTOR_HAS_CUDA
  return gpu_memory();
#else
  throw KernelError("this build holds no CUDA kernels; configure it with KANTOR_CUDA=ON");
#endif
}

std::string Finding::text() const {
  if (behind) return fmt::format("output {}, element {}, behind its end, was written", output, element);
  return fmt::format("output {}, element {}: found {}, expected {} (error {:.2g})", output, element, found, expected,
                     error);
}

Call::Block Call::block(size_t bytes) {
  void* data = memory_.allocate(std::max<size_t>(bytes, 1));
  if (data == nullptr) throw KernelError(fmt::format("ladder {}: no memory for {} bytes", family_.name, bytes));
  return {data, memory_.release};
}

Call::Call(const Family& family, Sizes sizes, Backend backend, uint64_t seed)
    : family_(family), memory_(memory_of(backend)), output_sizes_(family.outputs(sizes)) {
  const auto keep = [this](size_t bytes) {
    blocks_.push_back(block(bytes));
    return blocks_.back().get();
  };
  arrays_.sizes = std::move(sizes);
  for (const int64_t size : family.inputs(arrays_.sizes)) {
    inputs_.push_back(even_numbers(size, seed * 100 + inputs_.size()));
    std::vector<float>& values = inputs_.back();
    if (family.adjust != nullptr) family.adjust(inputs_.size() - 1, values);
    arrays_.inputs.push_back(static_cast<const float*>(keep(values.size() * sizeof(float))));
    memory_.copy_in(blocks_.back().get(), values.data(), values.size() * sizeof(float));
  }
  for (const int64_t size : output_sizes_) {
    arrays_.outputs.push_back(static_cast<float*>(keep((static_cast<size_t>(size) + guard.size()) * sizeof(float))));
  }
  workspace_bytes_ = static_cast<size_t>(family.workspace(arrays_.sizes)) * sizeof(double);
  arrays_.workspace = static_cast<double*>(keep(workspace_bytes_));
  if (family.tables != nullptr) {
    const std::vector<std::byte> tables = family.tables(arrays_.sizes);
    arrays_.tables = keep(tables.size());
    memory_.copy_in(blocks_.back().get(), tables.data(), tables.size());
  }
  prepare();
}

void Call::prepare() {
  for (size_t k = 0; k < arrays_.outputs.size(); ++k) {
    const int from = family_.start_as.empty() ? -1 : family_.start_as[k];
    const std::vector<float> poison(from < 0 ? static_cast<size_t>(output_sizes_[k]) : 0, std::nanf(""));
    const std::vector<float>& values = from < 0 ? poison : inputs_[static_cast<size_t>(from)];
    memory_.copy_in(arrays_.outputs[k], values.data(), values.size() * sizeof(float));
    memory_.copy_in(arrays_.outputs[k] + values.size(), guard.data(), guard.size() * sizeof(float));
  }
  const std::vector<std::byte> zeros(workspace_bytes_);
  memory_.copy_in(arrays_.workspace, zeros.data(), zeros.size());
}

std::vector<float> Call::outputs() const {
  std::vector<float> all;
  for (size_t k = 0; k < arrays_.outputs.size(); ++k) {
    const size_t begin = all.size();
    all.resize(begin + static_cast<size_t>(output_sizes_[k]));
    memory_.copy_out(all.data() + begin, arrays_.outputs[k], (all.size() - begin) * sizeof(float));
  }
  return all;
}

Finding Call::compare() const {
  if (expected_.empty()) expected_ = family_.reference(arrays_.sizes, inputs_);
  const std::vector<float> found = outputs();
  Finding worst;
  size_t at = 0;
  for (size_t k = 0; k < expected_.size(); ++k) {
    const Expected& expected = expected_[k];
    if (std::cmp_not_equal(expected.values.size(), output_sizes_[k]) ||
        expected.scale.size() != expected.values.size()) {
      throw KernelError(fmt::format("ladder {}: the reference gives {} numbers of output {}, which has {}",
                                    family_.name, expected.values.size(), k, output_sizes_[k]));
    }
    for (size_t i = 0; i < expected.values.size(); ++i, ++at) {
      const double error = error_of(found[at], expected.values[i], expected.scale[i]);
      if (error > worst.error) worst = {error, k, i, found[at], expected.values[i]};
    }
  }
  for (size_t k = 0; k < expected_.size(); ++k) {
    const auto size = static_cast<size_t>(output_sizes_[k]);
    std::vector<float> behind(guard.size());
    memory_.copy_out(behind.data(), arrays_.outputs[k] + size, behind.size() * sizeof(float));
    for (size_t i = 0; i < behind.size(); ++i) {
      if (behind[i] == guard[i]) continue;
      return {std::numeric_limits<double>::infinity(), k, size + i, behind[i], guard[i], true};
    }
  }
  return worst;
}

}  // namespace kantor::ladder
