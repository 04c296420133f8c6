// Sentinels: every op writes all of its outputs and no byte outside them. Each output is put into the middle of a
// larger buffer whose bytes are known. AddressSanitizer sees the ends of buffers only; arenas and windows have none.
#include "engine/apply.h"
#include "engine/arena.h"
#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/random.h"
#include "engine/runtime.h"
#include "engine/target.h"
#include "kernels/pointwise.h"
#include "tests/catch.h"
#include "tests/op_table.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

using namespace kantor;
using namespace kantor::testing;

namespace {

constexpr Device sim_device{Device::Kind::sim, 0}, gpu{Device::Kind::cuda, 0};

/// Memory for one output between two guards of 16 KiB, `shift` bytes behind a boundary of 256.
class Guarded {
 public:
  Guarded(const Value& like, Device device, size_t shift)
      : device_(device),
        element_(size_of(like.dtype)),
        begin_(guard + shift),
        end_(begin_ + static_cast<size_t>(like.shape.size()) * element_),
        pattern_(end_ + guard),
        storage_(current_pool(device)->allocate(pattern_.size())) {
    for (size_t i = 0; i < pattern_.size(); ++i) pattern_[i] = static_cast<unsigned char>(i * 37 + 11);
    runtime(device).copy_in(storage_->data, pattern_.data(), pattern_.size());
  }
  [[nodiscard]] void* data() const { return static_cast<unsigned char*>(storage_->data) + begin_; }

  /// What is wrong after the op has run: a guard was written, or an element was not; "" if nothing is wrong.
  [[nodiscard]] std::string damage() const {
    std::vector<unsigned char> found(pattern_.size());
    runtime(device_).copy_out(found.data(), storage_->data, found.size());
    for (size_t i = 0; i < found.size(); ++i) {
      if (i >= begin_ && i < end_) continue;
      if (found[i] != pattern_[i]) {
        return i < begin_ ? fmt::format("byte {} before the output was written", begin_ - i)
                          : fmt::format("byte {} behind the output of {} was written", i - end_, end_ - begin_);
      }
    }
    for (size_t i = begin_; i < end_; i += element_) {
      if (std::equal(found.begin() + static_cast<long>(i), found.begin() + static_cast<long>(i + element_),
                     pattern_.begin() + static_cast<long>(i))) {
        return fmt::format("element {} of {} was not written", (i - begin_) / element_, (end_ - begin_) / element_);
      }
    }
    return "";
  }

 private:
  static constexpr size_t guard = 16384;
  Device device_;
  size_t element_, begin_, end_;
  std::vector<unsigned char> pattern_;
  std::shared_ptr<Storage> storage_;
};

/// Runs the node's op once more into guarded memory, on a boundary and one element behind it. "" where all is well.
std::string rerun(const Node& node, Device device) {
  std::vector<View> inputs;
  for (const Tensor& input : node.inputs) inputs.push_back(input.view());
  for (const bool shifted : {false, true}) {
    std::vector<Guarded> guarded;
    std::vector<View> outputs;
    for (const Value& output : node.outputs) {
      guarded.emplace_back(output, device, shifted ? size_of(output.dtype) : 0);
      outputs.push_back({guarded.back().data(), output.shape, output.dtype});
    }
    node.op->device(target_of(device), inputs, outputs);
    for (const Guarded& g : guarded) {
      if (const std::string damage = g.damage(); !damage.empty()) {
        return fmt::format("{}: {}{}", node.op->name(), damage, shifted ? ", which is not aligned" : "");
      }
    }
  }
  return "";
}

/// Reruns every op in the history of the tensors; view ops have no launch.
void check_history(const std::vector<Tensor>& ends, Device device) {
  std::set<const Node*> seen;
  std::vector<const Node*> open;
  const auto add = [&](const Tensor& tensor) {
    if (tensor.defined() && tensor.node()->op && seen.insert(tensor.node().get()).second) {
      open.push_back(tensor.node().get());
    }
  };
  for (const Tensor& end : ends) add(end);
  while (!open.empty()) {
    const Node& node = *open.back();
    open.pop_back();
    for (const Tensor& input : node.inputs) add(input);
    if (!node.op->alias(node.inputs)) CHECK(rerun(node, device) == "");
  }
}

void check_rows(const std::vector<OpRow>& rows, int cases, Device device) {
  uint32_t index = 0;
  for (const OpRow& row : rows) {
    HostRandom random(2030, 1, index++);
    for (int k = 0; k < cases; ++k) {
      const Case c = row.sample(random);
      std::vector<Tensor> inputs, wanted;
      for (size_t i = 0; i < c.inputs.size(); ++i) {
        const DType dtype = k % 2 == 0 ? DType::float32 : DType::float64;
        inputs.push_back((is_floating(c.inputs[i].dtype()) ? c.inputs[i].to(dtype) : c.inputs[i]).to(device));
        if (c.differentiable[i]) wanted.push_back(inputs.back());
      }
      INFO(row.name << ", case " << k);
      std::vector<Tensor> ends = grad(sum(square(c.fn(inputs))), wanted, {true, {}});
      ends.push_back(c.fn(inputs));
      check_history(ends, device);
    }
  }
}

void check_draws(Device device) {
  const Tensor step = from_host(std::vector<int64_t>{3}, {}, {DType::int64, device});
  for (const int64_t size : {1, 2, 3, 5, 1023, 4099}) {
    check_history({uniform({size}, 1, 2, step), normal({size}, 1, 2, step), random_below({size}, 9, 1, 2, step),
                   normal({size}, 1, 2, step, DType::float64)},
                  device);
  }
}

/// The optimizer writes in place, into arenas: what lies between their rows must stay zero.
void check_arenas(Device device) {
  HostRandom random(2030, 2);
  for (const std::string& kind : optimizer_names()) {
    const Arena parameters({{"a", {67, 65}}, {"b", {33}}, {"c", {}}, {"d", {1, 5}}}, {DType::float32, device});
    const Arena gradients = parameters.like();
    for (const Arena& arena : {parameters, gradients}) {
      for (const Tensor& t : arena.tensors()) t.copy_from(random_tensor(t.shape(), random).to(DType::float32));
    }
    Optimizer optimizer({kind}, parameters);
    optimizer.take_histograms(true);
    optimizer.update(gradients);
    std::vector<Arena> arenas{parameters, gradients};
    for (const auto& [name, arena] : optimizer.state()) arenas.push_back(arena);
    for (const Arena& arena : arenas) {
      std::vector<float> values = arena.flat().to_vector<float>();
      for (const ArenaRow& row : arena.rows()) {
        std::fill_n(values.begin() + row.offset, row.shape.size(), 0.0F);
      }
      CHECK(std::count(values.begin(), values.end(), 0.0F) == static_cast<long>(values.size()));
    }
  }
}

/// Fills `extra` elements more than its output has, which other tensors of an arena or of the pool may own; or fewer.
class FillsOther final : public OpOf<FillsOther> {
 public:
  explicit FillsOther(int64_t extra) : extra_(extra) {}
  [[nodiscard]] const char* name() const override { return "fills_other"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override { return {inputs[0]}; }
  void cpu(Inputs, Outputs) const override {}
  void device(const Target& target, Inputs, Outputs outputs) const override {
    KANTOR_ON(target.backend, fill(outputs[0].as<float>(), 1.0F, outputs[0].size() + extra_, target.stream));
  }

 private:
  int64_t extra_;
};

void check_planted(Device device) {
  for (const int64_t size : {1, 33, 257}) {  // one more fits into the pool's multiples of 64 bytes
    const Tensor x = zeros({size}, {DType::float32, device});
    const auto result = [&](int64_t extra) {
      return rerun(*apply1(std::make_shared<const FillsOther>(extra), {x}).node(), device);
    };
    CHECK(result(0) == "");
    CHECK(result(1) == fmt::format("fills_other: byte 0 behind the output of {} was written", 4 * size));
    CHECK(result(-1) == fmt::format("fills_other: element {} of {} was not written", size - 1, size));
  }
}

void check_device(Device device) {
  check_planted(device);
  check_rows(op_table(), 2, device);
  check_rows(large_cases(), 1, device);
  check_draws(device);
  check_arenas(device);
}

}  // namespace

TEST_CASE("sim: every op writes its outputs and not a byte beside") {
  check_device(sim_device);
}

TEST_CASE("cuda: every op writes its outputs and not a byte beside") {
  if (const std::string reason = why_unavailable(gpu); !reason.empty()) {
    WARN("not run: " << reason);
    return;
  }
  check_device(gpu);
}
