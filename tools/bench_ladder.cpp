// kantor bench ladder: the versions of a kernel, from the plainest to the engine's.
#ifdef KANTOR_HAS_BENCH
#include "bench/ladder.h"
#include "models/files/atomic_file.h"
#include "tools/bench.h"
#include "tools/device_choice.h"
#include "tools/embedded_files.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <vector>

namespace kantor {
namespace embedded {
const std::vector<EmbeddedFile>& ladder_figures();  // bench/results/ladder
}
namespace {

struct LadderArguments {
  std::string family, device = "auto", json;
};

/// The CPU has no kernels: `auto` without a GPU is the simulator.
int run(const LadderArguments& arguments) {
  if (arguments.family.empty()) {
    fmt::print("{}", ladder_list());
    return exit_ok;
  }
  LadderOptions options;
  options.family = arguments.family;
  options.device = choose_device(arguments.device, true);
  if (arguments.device == "auto" && options.device.kind == Device::Kind::cpu) options.device = {Device::Kind::sim, 0};
  for (const embedded::EmbeddedFile& file : embedded::ladder_figures()) {
    if (file.path == options.family + ".json") options.figures = nlohmann::json::parse(file.content);
  }
  options.on_row = [](const std::string& row, size_t done, size_t all) {
    fmt::print(stderr, "[{}/{}] {}\n", done + 1, all, row);
  };
  const nlohmann::json result = bench_ladder(options);
  fmt::print("{}", ladder_table(result));
  if (!arguments.json.empty()) write_file_atomically(arguments.json, std::string_view(result.dump(2) + "\n"));
  return ladder_passed(result) ? exit_ok : exit_failure;
}

}  // namespace

void add_bench_ladder(CLI::App& bench, int& exit_code) {
  auto* ladder = bench.add_subcommand(
      "ladder",
      "versions of a kernel, from the plainest to the engine's: values, counts, resources, and time on a GPU");
  const auto arguments = std::make_shared<LadderArguments>();
  ladder->add_option("family", arguments->family, "whose versions; without one, lists the families")
      ->type_name("FAMILY");
  ladder->add_option("--device", arguments->device, "auto, sim, cuda, cuda:N")
      ->type_name("NAME")
      ->capture_default_str();
  ladder->add_option("--json", arguments->json, "also write the figures into this file")->type_name("FILE");
  ladder->footer("Example: kantor bench ladder gradient_penalty");
  ladder->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
#endif
