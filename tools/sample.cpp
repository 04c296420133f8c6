// kantor sample: samples of a trained generator.
#include "models/files/npy.h"
#include "models/files/png.h"
#include "models/plot/plot.h"
#include "models/training/random_streams.h"
#include "models/training/sampling.h"
#include "models/training/trainer.h"
#include "tools/commands.h"
#include "tools/interrupt.h"

#include <filesystem>
#include <fmt/format.h>
#include <memory>

namespace kantor {
namespace {

namespace fs = std::filesystem;

struct SampleArguments {
  std::string checkpoint, out;
  int64_t count = 64;
  int64_t seed = 1;
};

/// Thrown when a signal arrives while samples are drawn; the unfinished file is removed.
struct Interrupted {};

/// Calls fn(first, samples) for all samples, piece by piece.
template <class F>
void for_all(const SavedGenerator& saved, const SampleArguments& arguments, const F& fn) {
  const Noise noise{saved.config.z, static_cast<uint64_t>(arguments.seed), stream_pictures, 0};
  for_samples(*saved.network, noise, arguments.count, [&](int64_t first, const Tensor& samples) {
    if (interrupt() != 0) throw Interrupted{};
    fn(first, samples);
  });
}

/// Throws FileError if the disk has no space for the file.
void check_room(const fs::path& out, int64_t bytes) {
  std::error_code error;
  const fs::space_info space = fs::space(out.has_parent_path() ? out.parent_path() : fs::path("."), error);
  if (error || space.available > static_cast<uintmax_t>(bytes)) return;
  throw FileError(fmt::format("{}: {:.1f} GB are to be written, and {:.1f} GB are free there; ask for fewer samples",
                              out.string(), static_cast<double>(bytes) / 1e9,
                              static_cast<double>(space.available) / 1e9));
}

void write_array(const SavedGenerator& saved, const SampleArguments& arguments) {
  std::vector<int64_t> shape = saved.network->output_shape().to_vector();
  shape.insert(shape.begin(), arguments.count);
  const Shape whole{std::span<const int64_t>(shape)};
  check_room(arguments.out, whole.size() * static_cast<int64_t>(sizeof(float)));
  NpyWriter file(arguments.out, DType::float32, whole);
  for_all(saved, arguments, [&](int64_t, const Tensor& samples) { file.append(to_channels_first(samples)); });
  file.commit();
}

void write_picture(const SavedGenerator& saved, const SampleArguments& arguments) {
  const Shape sample = saved.network->output_shape();
  if (sample.rank() != 3) {
    throw ConfigError(fmt::format("--out {}: these samples {} are no images; expected a .npy file", arguments.out,
                                  to_string(sample)));
  }
  const GridSize size = fit_grid(arguments.count, sample[1], sample[2], most_grid_pixels);
  if (size.count < arguments.count) {
    throw ConfigError(fmt::format(
        "--count {}: a grid of so many images of {} x {} has more than {} pixels; at most {} fit into a .png file, and "
        "any number into a .npy file",
        arguments.count, sample[1], sample[2], most_grid_pixels, size.count));
  }
  ImageGrid grid(arguments.count, sample[1], sample[2], sample[0], 0, size.zoom);
  for_all(saved, arguments, [&](int64_t first, const Tensor& samples) { grid.paint(first, samples); });
  write_png(arguments.out, grid.image());
}

int run(const SampleArguments& arguments) {
  const fs::path extension = fs::path(arguments.out).extension();
  if (extension != ".npy" && extension != ".png") {
    throw ConfigError(fmt::format("--out {}: expected a .npy file, or .png for images", arguments.out));
  }
  const SavedGenerator saved = load_generator(read_safetensors(arguments.checkpoint));
  catch_interrupts();
  try {
    extension == ".npy" ? write_array(saved, arguments) : write_picture(saved, arguments);
  } catch (const Interrupted&) {
    return 128 + interrupt();
  }
  fmt::print(stderr, "{} samples of shape {} in {}\n", arguments.count, to_string(saved.network->output_shape()),
             arguments.out);
  return exit_ok;
}

}  // namespace

void add_sample(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("sample", "draw samples from a checkpoint's generator into a .npy or .png file");
  const auto arguments = std::make_shared<SampleArguments>();
  command->add_option("checkpoint", arguments->checkpoint, "a checkpoint of a run")->required();
  command->add_option("--out", arguments->out, "file to write: .npy (PyTorch's layout), or .png for images")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--count", arguments->count,
                   "samples; sample k is the same for every count, and memory does not grow with it")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "of the noise")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->footer("Example: kantor sample runs/a/checkpoints/step-0002000.safetensors --count 1000 --out samples.npy");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
