#include "engine/verification.h"

#include "engine/products.h"
#include "engine/runtime.h"
#include "engine/target.h"
#include "kernels/gemm.h"
#include "kernels/products/plan.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <fstream>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <sstream>
#include <unistd.h>
#include <vector>

namespace kantor {
namespace {

/// The most that an element may differ from its predecessor's, as a part of the sum of its terms' absolute values: the
/// rounding of the operands and of two sums.
double tolerance(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::float32:
    case Arithmetic::three_tf32:
      return 1.0 / (1 << 20);
    case Arithmetic::tf32:
      return 1.0 / (1 << 10);
    case Arithmetic::bf16:
      return 1.0 / (1 << 7);
  }
  return 0;
}

/// Floats on a device.
class Floats {
 public:
  Floats(Device device, const std::vector<float>& values)
      : device_(device),
        size_(values.size()),
        storage_(current_pool(device)->allocate(std::max<size_t>(size_, 1) * sizeof(float))) {
    runtime(device).copy_in(get(), values.data(), size_ * sizeof(float));
  }
  [[nodiscard]] float* get() const { return static_cast<float*>(storage_->data); }
  [[nodiscard]] std::vector<float> host() const {
    std::vector<float> values(size_);
    runtime(device_).copy_out(values.data(), get(), size_ * sizeof(float));
    return values;
  }

 private:
  Device device_;
  size_t size_;
  std::shared_ptr<Storage> storage_;
};

enum class Numbers : uint8_t { normal, special };

/// Normal numbers; special: with infinities, NaN, zeros, numbers whose products overflow, and the smallest there are.
std::vector<float> draw(int64_t size, Numbers kind, unsigned seed) {
  constexpr float infinity = std::numeric_limits<float>::infinity(),
                  not_a_number = std::numeric_limits<float>::quiet_NaN();
  constexpr float rare[] = {infinity, -infinity, not_a_number, 0.0F, 1e30F, -2e30F, 1e-40F, 1e-44F};
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(size));
  for (float& v : values) {
    v = normal(engine);
    if (kind == Numbers::special && engine() % 500 < std::size(rare)) v = rare[engine() % std::size(rare)];
  }
  return values;
}

std::vector<float> absolute(std::vector<float> values) {
  for (float& v : values) v = std::fabs(v);
  return values;
}

/// One product: its operands, and how its predecessor and the tile engine make it from arrays on the device.
struct Sample {
  std::string name;
  std::vector<float> left, right;
  size_t outputs;
  std::function<ProductSize(float* left, float* right)> size;
  std::function<void(float* left, float* right, float* out)> predecessor;
  std::function<void(float* left, float* right, float* out, const ProductPlan&, const SplitMemory&)> tiles;
};

Sample matrix_sample(const Target& target, const TileLaunchers& launchers, bool ta, bool tb, int64_t m, int64_t n,
                     int64_t k, Numbers kind) {
  const auto call = [=](float* a, float* b, float* c) { return GemmCall{ta, tb, m, n, k, a, b, {}, c}; };
  return {fmt::format("product {}x{}x{}{}{}{}", m, n, k, ta ? ", left transposed" : "", tb ? ", right transposed" : "",
                      kind == Numbers::special ? ", with numbers that are not finite" : ""),
          draw(m * k, kind, 1),
          draw(k * n, kind, 2),
          static_cast<size_t>(m * n),
          [=](float* a, float* b) { return size_of(call(a, b, nullptr)).value(); },
          [=](float* a, float* b, float* c) {
            KANTOR_ON(target.backend, gemm(ta, tb, m, n, k, a, b, Epilogue<float>{}, c, target.stream));
          },
          [=, &launchers](float* a, float* b, float* c, const ProductPlan& plan, const SplitMemory& memory) {
            launchers.gemm(call(a, b, c), plan, memory);
          }};
}

Sample conv_sample(const Target& target, const TileLaunchers& launchers, ConvPass pass, const ConvShape& c,
                   Numbers kind) {
  const auto images = static_cast<size_t>(c.batch * c.height * c.width * c.channels);
  const auto filters = static_cast<size_t>(c.filters * c.window()),
             outputs = static_cast<size_t>(c.pixels() * c.filters);
  // left and right are the two arrays that the pass reads: image and filter, output and filter, image and output
  const auto call = [=](float* left, float* right, float* out) {
    return pass == ConvPass::forward      ? ConvCall{pass, c, left, right, out, {}}
           : pass == ConvPass::input_grad ? ConvCall{pass, c, out, right, left, {}}
                                          : ConvCall{pass, c, left, out, right, {}};
  };
  const size_t of_left = pass == ConvPass::input_grad ? outputs : images;
  const size_t of_right = pass == ConvPass::weight_grad ? outputs : filters;
  const size_t of_out = pass == ConvPass::forward ? outputs : pass == ConvPass::input_grad ? images : filters;
  constexpr const char* names[] = {"convolution", "input gradient", "weight gradient"};
  return {fmt::format("{} of {}x{}x{}x{} to {}, kernel {}, stride {}", names[static_cast<int>(pass)], c.batch, c.height,
                      c.width, c.channels, c.filters, c.kernel_height, c.stride),
          draw(static_cast<int64_t>(of_left), kind, 3),
          draw(static_cast<int64_t>(of_right), kind, 4),
          of_out,
          [=](float* left, float* right) {
            // the result only has to be aligned, as the engine's arrays are
            return size_of(call(left, right, nullptr)).value();
          },
          [=](float* left, float* right, float* out) {
            const ConvCall all = call(left, right, out);
            if (pass == ConvPass::forward) {
              KANTOR_ON(target.backend, conv2d(c, all.image, all.filter, Epilogue<float>{}, all.output, target.stream));
            } else if (pass == ConvPass::input_grad) {
              KANTOR_ON(target.backend,
                        conv2d_input_grad(c, all.output, all.filter, Epilogue<float>{}, all.image, target.stream));
            } else {
              const Temporary partial(target, weight_grad_workspace(c) * static_cast<int64_t>(sizeof(float)));
              KANTOR_ON(target.backend, conv2d_weight_grad(c, all.image, all.output, all.filter,
                                                           partial.template as<float>(), target.stream));
            }
          },
          [=, &launchers](float* left, float* right, float* out, const ProductPlan& plan, const SplitMemory& memory) {
            launchers.conv2d(call(left, right, out), plan, memory);
          }};
}

ConvShape conv_shape(int64_t batch, int64_t height, int64_t width, int64_t channels, int64_t filters, int64_t kernel,
                     int64_t stride, int64_t padding) {
  return {batch,
          height,
          width,
          channels,
          (height + 2 * padding - kernel) / stride + 1,
          (width + 2 * padding - kernel) / stride + 1,
          filters,
          kernel,
          kernel,
          stride,
          padding};
}

/// `wide`: also products of more columns than the widest tile has.
std::vector<Sample> samples(const Target& target, const TileLaunchers& launchers, bool wide) {
  std::vector<Sample> all;
  for (const auto& [ta, tb] : {std::pair(false, false), std::pair(false, true), std::pair(true, false)}) {
    if (wide) all.push_back(matrix_sample(target, launchers, ta, tb, 132, 264, 260, Numbers::normal));
    all.push_back(matrix_sample(target, launchers, ta, tb, 132, 36, 260, Numbers::normal));
    all.push_back(matrix_sample(target, launchers, ta, tb, 20, 12, 132, Numbers::special));
    all.push_back(matrix_sample(target, launchers, ta, tb, 33, 5, 37, Numbers::normal));
  }
  for (const ConvPass pass : {ConvPass::forward, ConvPass::input_grad, ConvPass::weight_grad}) {
    all.push_back(conv_sample(target, launchers, pass, conv_shape(14, 9, 7, 12, 36, 5, 2, 2), Numbers::normal));
    all.push_back(conv_sample(target, launchers, pass, conv_shape(2, 6, 5, 5, 3, 3, 1, 1), Numbers::normal));
  }
  all.push_back(
      conv_sample(target, launchers, ConvPass::weight_grad, conv_shape(4, 12, 11, 3, 16, 4, 2, 1), Numbers::normal));
  return all;
}

/// Whether `value` is near enough to `expected`, whose terms' absolute values add up to `magnitude`.
bool agrees(float value, float expected, float magnitude, double tolerance) {
  if (std::isnan(expected)) return std::isnan(value);
  if (std::isinf(expected)) return value == expected;
  // the magnitude overflows where terms that cancel are huge: then only the kind is compared
  return std::isfinite(magnitude) ? std::fabs(value - expected) <= tolerance * magnitude : std::isfinite(value);
}

std::filesystem::path cache_file() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::filesystem::path folder = cache != nullptr && *cache != 0 ? std::filesystem::path(cache)
                                       : home != nullptr               ? std::filesystem::path(home) / ".cache"
                                                                       : std::filesystem::temp_directory_path();
  return folder / "kantor" / "verified.txt";
}

/// The card, the driver, and a number of the running program's bytes.
std::string key_of(Device device) {
  std::ifstream program("/proc/self/exe", std::ios::binary);
  uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (std::istreambuf_iterator<char> at(program), end; at != end; ++at) {
    hash = (hash ^ static_cast<unsigned char>(*at)) * 0x100000001b3U;
  }
  return fmt::format("{}, build {:016x}", hardware(device), hash);
}

std::string check_present(Device device, const TileKernels& kernels) {
  return why_absent(device, kernels).empty() ? check_tiles(device, kernels, tile_launchers(device)) : "";
}

// Another check than that of tiles trains, and so asks for the findings of tiles: each has a mutex of its own, which is
// locked on every device, so that tests on `sim` would not come to their end either.
std::mutex other_checks;
std::map<std::pair<std::string, std::string>, std::string> other_findings;  // by the device and the check's name
std::mutex known_mutex;
std::map<int, Findings> known;  // by the GPU's index

std::map<std::string, std::string> read_lines(const std::filesystem::path& file) {
  std::map<std::string, std::string> lines;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (const size_t tab = line.find('\t'); tab != std::string::npos) lines[line.substr(0, tab)] = line.substr(tab + 1);
  }
  return lines;
}

/// Writes the file beside its place and renames it. Where that fails, the check runs again next time.
void write_lines(const std::filesystem::path& file, const std::map<std::string, std::string>& lines) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  const std::filesystem::path beside = file.string() + fmt::format(".{}", getpid());
  std::ofstream out(beside);
  for (const auto& [name, text] : lines) out << name << '\t' << text << '\n';
  out.close();
  if (out) std::filesystem::rename(beside, file, error);
  if (!out || error) std::filesystem::remove(beside, error);
}

/// Adds a line, or replaces it; others may have been written since the file was read.
void remember(const std::filesystem::path& file, const std::string& name, const std::string& text) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::map<std::string, std::string> lines = read_lines(file);
  lines[name] = text;
  write_lines(file, lines);
}

constexpr const char* unfinished = "the self-check did not come to its end";

/// What a check finds. A kernel that a GPU refuses is not used there, and no reason to end.
std::string finding_of(const std::function<std::string()>& check) {
  try {
    return check();
  } catch (const std::exception& error) {
    std::string finding = error.what();
    std::replace(finding.begin(), finding.end(), '\n', ' ');  // it is remembered as a line
    return finding;
  }
}

}  // namespace

TileLaunchers tile_launchers(Device device) {
  const Target target = target_of(device);
  return {[target](const GemmCall& call, const ProductPlan& plan, const SplitMemory& memory) {
            KANTOR_ON(target.backend, tile_gemm(call, plan, memory, target.stream));
          },
          [target](const ConvCall& call, const ProductPlan& plan, const SplitMemory& memory) {
            KANTOR_ON(target.backend, tile_conv2d(call, plan, memory, target.stream));
          }};
}

std::string name_of(const TileKernels& kernels) {
  return arithmetic_name(kernels.arithmetic) + (kernels.warpgroups ? " by warpgroups" : "");
}

std::string why_absent(Device device, const TileKernels& kernels) {
  const Processor processor = runtime(device).processor();
  if (kernels.arithmetic != Arithmetic::float32 && !processor.tensor_cores) return "no tensor cores for it here";
  if (kernels.warpgroups && !processor.warpgroups) return "no code of architecture 90a runs here";
  return "";
}

std::string check_tiles(Device device, const TileKernels& kernels, const TileLaunchers& launchers) {
  const Arithmetic arithmetic = kernels.arithmetic;
  const Target target = target_of(device);
  for (const Sample& sample : samples(target, launchers, kernels.warpgroups)) {
    const auto product = [&](const std::vector<float>& a, const std::vector<float>& b) {
      const Floats left(device, a), right(device, b), out(device, std::vector<float>(sample.outputs));
      sample.predecessor(left.get(), right.get(), out.get());
      return out.host();
    };
    const std::vector<float> expected = product(sample.left, sample.right);
    const std::vector<float> magnitude = product(absolute(sample.left), absolute(sample.right));
    const Floats left(device, sample.left), right(device, sample.right);
    std::string finding;
    each_plan(sample.size(left.get(), right.get()), arithmetic, [&](const ProductPlan& plan) {
      if (plan.splits > 2 || by_warpgroups(plan) != kernels.warpgroups || !finding.empty()) return;
      const Floats out(device, std::vector<float>(sample.outputs, std::numeric_limits<float>::quiet_NaN()));
      const Temporary workspace(target, plan.workspace * static_cast<int64_t>(sizeof(float)));
      sample.tiles(left.get(), right.get(), out.get(), plan,
                   {workspace.as<float>(), runtime(device).processor().arrived});
      const std::vector<float> values = out.host();
      for (size_t i = 0; i < values.size() && finding.empty(); ++i) {
        // TF32 and bfloat16 may make another special number of huge and tiny ones: they are compared where terms are
        // normal
        const bool rounded = arithmetic == Arithmetic::tf32 || arithmetic == Arithmetic::bf16;
        if (rounded && !std::isfinite(magnitude[i])) continue;
        if (agrees(values[i], expected[i], magnitude[i], tolerance(arithmetic))) continue;
        finding = fmt::format("{} in {}, tiling {}, {} splits: element {} is {}, expected {}", sample.name,
                              arithmetic_name(arithmetic), plan.tiling, plan.splits, i, values[i], expected[i]);
      }
    });
    if (!finding.empty()) return finding;
  }
  return "";
}

Findings remembered(const std::filesystem::path& file, const std::string& key,
                    const std::function<std::string(const TileKernels&)>& check, bool anew) {
  const std::map<std::string, std::string> lines = read_lines(file);
  Findings found;
  const auto name = [&](size_t i) { return fmt::format("{}, {}", key, name_of(all_tile_kernels[i])); };
  bool all = !anew;
  for (size_t i = 0; i < found.size(); ++i) {
    const auto line = lines.find(name(i));
    all = all && line != lines.end();
    if (line != lines.end() && line->second != "passed") found[i] = line->second;
  }
  if (all) return found;
  for (size_t i = 0; i < found.size(); ++i) remember(file, name(i), unfinished);
  for (size_t i = 0; i < found.size(); ++i) {
    found[i] = check(all_tile_kernels[i]);
    remember(file, name(i), found[i].empty() ? "passed" : found[i]);
  }
  return found;
}

std::string remembered_finding(const std::filesystem::path& file, const std::string& key,
                               const std::function<std::string()>& check, bool anew) {
  const std::map<std::string, std::string> lines = read_lines(file);
  if (const auto line = lines.find(key); line != lines.end() && !anew) {
    return line->second == "passed" ? "" : line->second;
  }
  remember(file, key, unfinished);
  std::string finding = finding_of(check);
  remember(file, key, finding.empty() ? "passed" : finding);
  return finding;
}

std::string remembered_finding(Device device, const std::string& name, const std::function<std::string()>& check,
                               bool anew) {
  const std::lock_guard lock(other_checks);
  const std::pair place(to_string(device), name);
  if (const auto found = other_findings.find(place); found != other_findings.end() && !anew) return found->second;
  if (device.kind != Device::Kind::cuda) return other_findings[place] = finding_of(check);
  const std::string key = fmt::format("{}, {}", key_of(device), name);
  return other_findings[place] = remembered_finding(cache_file(), key, check, anew);
}

const Findings& findings(Device device) {
  static const Findings nothing;
  const std::lock_guard lock(known_mutex);
  if (device.kind != Device::Kind::cuda) return nothing;
  const auto found = known.find(device.index);
  if (found != known.end()) return found->second;
  return known[device.index] = remembered(cache_file(), key_of(device),
                                          [&](const TileKernels& kernels) { return check_present(device, kernels); });
}

Findings verify(Device device) {
  const std::lock_guard lock(known_mutex);
  const auto check = [&](const TileKernels& kernels) { return check_present(device, kernels); };
  if (device.kind == Device::Kind::cuda) {
    return known[device.index] = remembered(cache_file(), key_of(device), check, true);
  }
  Findings found;
  std::transform(all_tile_kernels.begin(), all_tile_kernels.end(), found.begin(), check);
  return found;
}

bool verified(Device device, const TileKernels& kernels) {
  if (!why_absent(device, kernels).empty()) return false;
  const Findings& found = findings(device);
  for (size_t i = 0; i < found.size(); ++i) {
    const auto& [arithmetic, warpgroups] = all_tile_kernels[i];
    if (arithmetic == kernels.arithmetic && warpgroups == kernels.warpgroups) return found[i].empty();
  }
  return false;  // none is compiled
}

}  // namespace kantor
