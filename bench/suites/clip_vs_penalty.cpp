// The cost of clipping and of a penalty: the kernels of both by size, and a whole critic step under each constraint.
#include "bench/op_subject.h"
#include "bench/optimizer_subject.h"
#include "bench/step_subject.h"
#include "bench/suites/suites.h"
#include "engine/ops.h"
#include "kernels/gradient_penalty.h"

#include <fmt/format.h>
#include <map>
#include <string>

namespace kantor {
namespace {

using Sizes = std::vector<int64_t>;

/// One optimizer for all: prices are the constraints' own.
Subject critic_step(const std::string& kind, int64_t width, int64_t batch, Device device) {
  const BenchModel model = parse_bench_model(fmt::format("mlp:{}:{}", width, batch));
  Subject subject = step_subject(model, kind, OptimizerConfig{}, device);
  subject.name = "critic step";
  subject.size = fmt::format("MLP {} x 3, batch {}", width, batch);
  subject.extra = {{"constraint", kind}};
  return subject;
}

}  // namespace

Subject interpolation_subject(int64_t rows, int64_t width, Device device) {
  OpCase op{"interpolation, random numbers included",
            fmt::format("{} x {}", rows, width),
            interpolate_cost(rows, width, 4),
            {2, 1}};
  op.inputs = [=](Device d) {
    return Tensors{random_values({rows, width}, d, 3), random_values({rows, width}, d, 4),
                   zeros({}, {DType::int64, d})};
  };
  op.op = [](const Tensors& in, DType) { return Tensors{interpolate(in[0], in[1], Draw{1, 5, in[2]})}; };
  op.allowed = 1e-6;
  op.absolute_terms = true;
  return op_subject(op, device);
}

Subject penalty_subject(int64_t rows, int64_t width, Device device) {
  OpCase op{"norm + penalty + derivative", fmt::format("{} x {}", rows, width), gradient_penalty_cost(rows, width, 4)};
  op.inputs = [=](Device d) { return Tensors{random_values({rows, width}, d, 6)}; };
  op.op = [](const Tensors& in, DType) {
    const PenaltyResult result = gradient_penalty(in[0], PenaltyKind::two_sided, 10);
    return Tensors{result.value, result.derivative, result.norms};
  };
  op.allowed = 2e-6;
  return op_subject(op, device);
}

std::vector<Subject> clip_vs_penalty_subjects(const BenchOptions& options) {
  const Device device = options.device;
  const bool few = options.few();
  std::vector<Subject> all;
  for (const int64_t size : few ? Sizes{10'000} : Sizes{10'000, 1'000'000, 30'000'000}) {
    all.push_back(optimizer_subject("SGD", "sgd", size, device));
    all.push_back(optimizer_subject("RMSProp", "rmsprop", size, device));
    all.push_back(optimizer_subject("Adam", "adam", size, device));
  }
  for (const int64_t width : few ? Sizes{2, 784} : Sizes{2, 784, 3072, 65536}) {
    const int64_t rows = few ? 32 : 256;
    all.push_back(interpolation_subject(rows, width, device));
    all.push_back(penalty_subject(rows, width, device));
  }
  for (const int64_t width : few ? Sizes{64} : Sizes{64, 128, 512}) {
    for (const char* kind : {"none", "clip", "penalty", "one-sided", "r1", "r2"}) {
      all.push_back(critic_step(kind, width, width == 512 ? 256 : 64, device));
    }
  }
  return all;
}

/// "price": of a step, against the same step without a constraint, where that was timed too.
void add_prices(nlohmann::json& rows) {
  std::map<std::string, double> unconstrained;
  for (nlohmann::json& row : rows) {
    if (!row.contains("constraint")) continue;
    const double seconds = row["seconds"];
    if (row["constraint"] == "none") unconstrained[row["size"]] = seconds;
    if (const auto found = unconstrained.find(row["size"]); found != unconstrained.end()) {
      row["price"] = seconds / found->second - 1;
    }
  }
}

}  // namespace kantor
