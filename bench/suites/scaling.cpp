// How products and critic steps scale: with the batch, with the width, and on the CPU with the number of threads.
#include "bench/step_subject.h"
#include "bench/suites/suites.h"
#include "engine/threads.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <string>

namespace kantor {
namespace {

using Sizes = std::vector<int64_t>;

Subject critic_step(int64_t width, int64_t batch, Device device) {
  const BenchModel model = parse_bench_model(fmt::format("mlp:{}:{}", width, batch));
  Subject subject = step_subject(model, "penalty", OptimizerConfig{}, device);
  subject.name = "critic step";
  subject.size = fmt::format("MLP {} x 3, batch {}", width, batch);
  subject.extra = {{"constraint", "penalty"}};
  return subject;
}

/// 1, 2, 4, ... and all of them.
std::set<int> thread_counts() {
  std::set<int> counts;
  for (int n = 1; n < threads(); n *= 2) counts.insert(n);
  counts.insert(threads());
  return counts;
}

}  // namespace

std::vector<Subject> scaling_subjects(const BenchOptions& options) {
  const Device device = options.device;
  const bool few = options.few();
  const Sizes batches = few ? Sizes{16, 32} : Sizes{64, 256, 1024},
              widths = few ? Sizes{32} : Sizes{64, 128, 256, 512, 1024};
  const int64_t batch = few ? 16 : 256, width = few ? 32 : 512;
  std::vector<Subject> all;
  for (const int64_t b : batches) all.push_back(matmul_subject(b, width, width, device));
  for (const int64_t w : widths) {
    if (w != width) all.push_back(matmul_subject(batch, w, w, device));
  }
  for (const int64_t b : batches) all.push_back(critic_step(few ? 32 : 128, b, device));
  for (const int64_t w : widths) {
    if (w != (few ? 32 : 128)) all.push_back(critic_step(w, batch, device));
  }
  if (device.kind != Device::Kind::cpu) return all;
  for (const int n : thread_counts()) {
    for (Subject subject : {matmul_subject(batch, width, width, device), critic_step(few ? 16 : 128, batch, device),
                            critic_step(width, batch, device)}) {
      subject.threads = n;
      all.push_back(std::move(subject));
    }
  }
  return all;
}

/// "speedup": of rows with a number of threads, against the same with one, where that was timed too.
void add_speedups(nlohmann::json& rows) {
  std::map<std::string, double> one;
  for (nlohmann::json& row : rows) {
    if (!row.contains("threads")) continue;
    const std::string what = row["name"].get<std::string>() + row["size"].get<std::string>();
    const double seconds = row["seconds"];
    if (row["threads"] == 1) one[what] = seconds;
    if (const auto found = one.find(what); found != one.end()) row["speedup"] = found->second / seconds;
  }
}

}  // namespace kantor
