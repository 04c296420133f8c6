// kantor data: describes a data set, and writes samples of it.
#include "kernels/host/available_memory.h"
#include "models/data/dataset.h"
#include "models/files/npy.h"
#include "models/nn/network.h"
#include "models/training/config.h"
#include "tools/commands.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>

namespace kantor {
namespace {

struct DataArguments {
  std::string data = "gaussians8", out;
  int64_t count = 1024, seed = 1;
};

bool is_kind(const std::string& name) {
  const std::vector<std::string>& kinds = dataset_kinds();
  return name != "file" && std::find(kinds.begin(), kinds.end(), name) != kinds.end();
}

/// Throws ConfigError if that many samples, in both layouts, do not fit into memory.
void check_count(const Dataset& data, int64_t count) {
  const double needed =
      2.0 * sizeof(float) * static_cast<double>(count) * static_cast<double>(data.sample_shape().size());
  const auto available = static_cast<double>(host::available_memory());
  if (needed <= available) return;
  throw ConfigError(fmt::format("--count {}: so many samples {} take {:.1f} GB, and {:.1f} GB are free; ask for fewer",
                                count, to_string(data.sample_shape()), needed / 1e9, available / 1e9));
}

int run(const DataArguments& arguments) {
  const DataConfig config =
      is_kind(arguments.data) ? DataConfig{arguments.data, ""} : DataConfig{"file", arguments.data};
  const DatasetPtr data = open_dataset(config);
  fmt::print("{}: samples of shape {}, {}\n", data->name(), to_string(data->sample_shape()),
             data->size() > 0 ? fmt::format("{} in the file", data->size()) : "drawn from a distribution");
  if (!data->reading().empty()) fmt::print("read as {}\n", data->reading());
  if (const Mixture* mixture = data->mixture()) {
    fmt::print("a mixture of {} Gaussians, sigma {:.5g}\n", mixture->modes(), mixture->sigma);
  }
  if (arguments.out.empty()) return exit_ok;
  check_count(*data, arguments.count);
  const auto values = data->draw(static_cast<uint64_t>(arguments.seed), 0, 0, arguments.count);
  write_npy(arguments.out, to_channels_first(from_host(values, data->batch_shape(arguments.count))));
  fmt::print("{} samples in {}\n", arguments.count, arguments.out);
  return exit_ok;
}

}  // namespace

void add_data(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("data", "describe a data set, and draw samples of it");
  const auto arguments = std::make_shared<DataArguments>();
  command
      ->add_option("data", arguments->data,
                   fmt::format("a file, a folder of PNGs, or a kind: {}", fmt::join(dataset_kinds(), ", ")))
      ->required();
  command->add_option("--out", arguments->out, "write samples into this .npy file")->type_name("FILE");
  command->add_option("--count", arguments->count, "samples to write")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "of the draw")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->footer("Example: kantor data swissroll --count 4096 --out roll.npy");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
