// kantor inspect: shows what a checkpoint, or any safetensors file, contains.
#include "models/metrics/histogram.h"
#include "models/training/checkpoint.h"
#include "tools/commands.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace kantor {
namespace {

using nlohmann::json;

struct InspectArguments {
  std::string file;
  double bound = 0;
  bool as_json = false;
};

/// A row of the table: what the file says of a tensor, and statistics of its values where Kantor reads its type.
json describe_tensor(const TensorFile::Entry& entry, const Tensor* tensor, double bound) {
  json row{{"name", entry.name}, {"dtype", entry.dtype}, {"shape", entry.shape}};
  if (tensor == nullptr || tensor->size() == 0 || (tensor->rank() == 0 && !is_floating(tensor->dtype()))) return row;
  const std::vector<double> values = tensor->to_vector<double>();
  const auto finite = std::count_if(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  row["non_finite"] = static_cast<int64_t>(values.size()) - finite;
  const Summary s = summarize(std::span<const double>(values));
  row.update({{"mean", s.mean}, {"deviation", s.deviation}, {"min", s.min}, {"max", s.max}});
  const Histogram h = make_histogram(std::span<const double>(values), 24);
  row["histogram"] = {{"low", h.low}, {"high", h.high}, {"counts", h.counts}};
  if (bound > 0) {
    // |w| == c in the tensor's own type.
    const double c = tensor->dtype() == DType::float32 ? static_cast<double>(static_cast<float>(bound)) : bound;
    const auto at = std::count_if(values.begin(), values.end(), [c](double v) { return std::abs(v) == c; });
    row["at_bound"] = static_cast<double>(at) / static_cast<double>(values.size());
  }
  return row;
}

/// Eight heights, one character a bin.
std::string sparkline(const std::vector<int64_t>& counts) {
  static constexpr const char* blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const int64_t most = std::max<int64_t>(1, *std::max_element(counts.begin(), counts.end()));
  std::string text;
  for (const int64_t n : counts) text += blocks[n == 0 ? 0 : 1 + n * 7 / most];
  return text;
}

int run(const InspectArguments& arguments) {
  const TensorFile file = read_safetensors(arguments.file);
  const std::map<std::string, double> bounds =
      arguments.bound > 0 ? std::map<std::string, double>() : saved_bounds(file);
  const double bound = arguments.bound > 0 ? arguments.bound : bounds.empty() ? 0 : bounds.begin()->second;
  std::map<std::string, const Tensor*> values;
  for (const auto& [name, tensor] : file.tensors) values[name] = &tensor;
  json tensors = json::array();
  for (const TensorFile::Entry& entry : file.entries) {
    const auto value = values.find(entry.name);
    const bool clipped = arguments.bound > 0 || bounds.contains(entry.name);
    tensors.push_back(describe_tensor(entry, value == values.end() ? nullptr : value->second, clipped ? bound : 0));
  }
  if (arguments.as_json) {
    const json all{{"file", arguments.file}, {"metadata", file.metadata}, {"bound", bound}, {"tensors", tensors}};
    fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));  // a path may be any bytes
    return exit_ok;
  }
  const auto step = file.metadata.find("kantor.step");
  fmt::print("{}: {} tensors{}{}\n", arguments.file, tensors.size(),
             step == file.metadata.end() ? "" : ", step " + step->second,
             bound > 0 ? fmt::format(", bound {}", bound) : "");
  for (const json& row : tensors) {
    fmt::print("{:<32} {:<8} {:<18}", row["name"].get<std::string>(), row["dtype"].get<std::string>(),
               row["shape"].dump());
    if (row.contains("mean")) {
      fmt::print(" mean {:+.4g}  sd {:.4g}  [{:.4g}, {:.4g}] |{}|", row["mean"].get<double>(),
                 row["deviation"].get<double>(), row["min"].get<double>(), row["max"].get<double>(),
                 sparkline(row["histogram"]["counts"].get<std::vector<int64_t>>()));
    }
    if (row.contains("at_bound")) fmt::print("  at bound {:.1f} %", 100 * row["at_bound"].get<double>());
    if (row.value("non_finite", 0) > 0) fmt::print("  NON-FINITE {}", row["non_finite"].get<int64_t>());
    fmt::print("\n");
  }
  return exit_ok;
}

}  // namespace

void add_inspect(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("inspect", "tensors of a checkpoint: shapes, statistics, histogram, share at the bound");
  const auto arguments = std::make_shared<InspectArguments>();
  command->add_option("checkpoint", arguments->file, "a safetensors file")->required();
  command->add_option("--bound", arguments->bound, "count |w| == C (default: the run's clip.c)")
      ->type_name("C")
      ->check(CLI::PositiveNumber);
  command->add_flag("--json", arguments->as_json, "print JSON");
  command->footer("Example: kantor inspect runs/a/checkpoints/step-0002000.safetensors");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
