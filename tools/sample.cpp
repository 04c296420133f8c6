// kantor sample: samples of a trained generator.
#include "engine/op.h"
#include "engine/random.h"
#include "models/plot/plot.h"
#include "models/training/trainer.h"
#include "tools/commands.h"

#include <filesystem>
#include <fmt/format.h>
#include <memory>

namespace kantor {
namespace {

struct SampleArguments {
  std::string checkpoint, out;
  int64_t count = 64;
  int64_t seed = 1;
};

Tensor draw(const SampleArguments& arguments) {
  const SavedGenerator saved = load_generator(read_safetensors(arguments.checkpoint));
  const RecordingScope off(false);
  const Tensor step = zeros({}, {DType::int64, {}});
  const Tensor z =
      normal({arguments.count, saved.config.z}, static_cast<uint64_t>(arguments.seed), stream_pictures, step);
  return (*saved.network)(z, Mode::evaluate);
}

int run(const SampleArguments& arguments) {
  const Tensor samples = draw(arguments);
  const std::filesystem::path out = arguments.out;
  if (out.extension() == ".npy") {
    write_npy(out, to_channels_first(samples));
  } else if (out.extension() == ".png" && samples.rank() == 4) {
    write_png(out, image_grid(samples));
  } else {
    throw ConfigError(fmt::format("--out {}: expected a .npy file{}", arguments.out,
                                  samples.rank() == 4 ? ", or .png for images" : " (these samples are no images)"));
  }
  fmt::print(stderr, "{} samples of shape {} in {}\n", arguments.count, to_string(samples.shape()), arguments.out);
  return exit_ok;
}

}  // namespace

void add_sample(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("sample", "draw samples from a checkpoint's generator into a .npy or .png file");
  const auto arguments = std::make_shared<SampleArguments>();
  command->add_option("checkpoint", arguments->checkpoint, "a checkpoint of a run")->required();
  command->add_option("--out", arguments->out, "file to write: .npy (PyTorch's layout), or .png for images")
      ->required();
  command->add_option("--count", arguments->count, "samples")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->add_option("--seed", arguments->seed, "of the noise")->check(CLI::NonNegativeNumber)->capture_default_str();
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
