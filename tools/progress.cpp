#include "tools/progress.h"

#include "tools/commands.h"
#include "tools/duration.h"
#include "tools/interrupt.h"

#include <cstdlib>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace kantor {
namespace {

using nlohmann::json;

}  // namespace

Progress::Progress(std::string title, const RunArguments& arguments)
    : title_(std::move(title)),
      quiet_(arguments.quiet),
      json_(arguments.json),
      terminal_(::isatty(STDERR_FILENO) == 1 && !arguments.json) {}

void Progress::show(const json& line) {
  if (json_) fmt::print("{}\n", line.dump());
  if (quiet_ || json_) return;
  const int64_t step = line.at("step").get<int64_t>(), steps = line.at("steps").get<int64_t>();
  if (first_step_ < 0) first_step_ = step;
  if (line.contains("w1")) {
    w1_ = fmt::format("  W1 {:.3f} (floor {:.3f})", line["w1"].get<double>(), line["w1_floor"].get<double>());
    if (line.contains("modes"))
      w1_ += fmt::format("  modes {}/{}", line["modes"].get<int>(), line["mode_count"].get<int>());
  }
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const bool evaluated = line.contains("gradient_norm_mean"), last = step == steps;
  if (!last && elapsed - last_shown_ < (terminal_ ? 0.2 : evaluated ? 2.0 : 15.0)) return;
  last_shown_ = elapsed;
  std::string text = fmt::format("{}  {:>{}}/{}", title_, step, std::to_string(steps).size(), steps);
  if (step > first_step_) {
    const double rate = static_cast<double>(step - first_step_) / elapsed;
    text += fmt::format("  {:.1f} steps/s  ETA {}", rate, duration(static_cast<double>(steps - step) / rate));
  }
  if (line.contains("critic_loss")) {
    text += fmt::format("  critic {:+.3f}  estimate {:.3f}", line["critic_loss"].get<double>(),
                        line["critic_estimate"].get<double>());
  }
  text += w1_;
  if (terminal_) {
    fmt::print(stderr, "\r\033[K{}", text);
    open_ = true;
  } else {
    fmt::print(stderr, "{}\n", text);
  }
  std::fflush(stderr);
}

void Progress::message(const std::string& text) {
  if (quiet_) return;
  finish();
  fmt::print(stderr, "{}\n", text);
}

void Progress::finish() {
  if (open_) fmt::print(stderr, "\n");
  open_ = false;
}

int train_with_progress(const RunConfig& config, const std::string& folder, Device device, bool resume,
                        const RunArguments& arguments) {
  const bool usual = config.loss == RunConfig().loss;
  Progress progress(config.name + " " + config.constraint.kind + (usual ? "" : " " + config.loss), arguments);
  RunOptions options;
  options.folder = folder;
  options.device = device;
  options.capture = !arguments.eager;
  options.fused = parse_fused(arguments.fused);
  options.resume = resume;
  options.on_line = [&](const json& line) { progress.show(line); };
  options.on_message = [&](const std::string& text) { progress.message(text); };
  options.should_stop = [] { return interrupt() != 0; };
  catch_interrupts();
  const RunResult result = train(config, options);
  progress.finish();
  if (!result.diverged.empty()) {
    fmt::print(stderr, "kantor: {} ({})\n", result.diverged, folder);
    return exit_diverged;
  }
  if (!result.interrupted) return exit_ok;
  progress.message(fmt::format("stopped at step {}; go on with --resume --out {}", result.steps,
                               arguments.out.empty() ? folder : arguments.out));
  return 128 + interrupt();
}

}  // namespace kantor
