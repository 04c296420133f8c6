// The whole program on the simulator, whose device memory is closed to host code: every command runs to its end, and
// what it writes is what the CPU writes.
#include "models/files/npy.h"
#include "models/files/png.h"
#include "models/files/safetensors.h"
#include "tests/catch.h"
#include "tests/program.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

using namespace kantor;

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A training whose steps take milliseconds, also on the simulator.
std::vector<std::string> small_training(const std::string& out, const std::string& device,
                                        const std::vector<std::string>& more) {
  std::vector<std::string> words{"train", "--out", out, "--device", device, "--quiet"};
  for (const char* setting :
       {"train.steps=8", "train.batch=8", "train.critic_steps=2", "generator.width=8", "critic.width=8",
        "eval.samples=32", "eval.every=4", "checkpoint.every=4", "sample.every=4"}) {
    words.insert(words.end(), {"--set", setting});
  }
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void run_well(const std::vector<std::string>& arguments) {
  const ProgramResult result = run_kantor(arguments);
  INFO(json(arguments).dump() << "\n" << result.err);
  REQUIRE(result.code == 0);
}

/// The file names of a run; TensorBoard's contains a time.
std::set<std::string> files_of(const fs::path& run) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(run)) {
    const std::string name = fs::relative(entry.path(), run).string();
    names.insert(name.starts_with("events.out.tfevents") ? "events.out.tfevents" : name);
  }
  return names;
}

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Keys of an object and of the objects in it, and the lengths of its lists.
void outline(const json& value, const std::string& path, std::set<std::string>& result) {
  if (value.is_object()) {
    for (const auto& [key, part] : value.items()) outline(part, path + "." + key, result);
  } else if (value.is_array()) {
    result.insert(path + " holds " + std::to_string(value.size()));
    for (size_t i = 0; i < value.size(); ++i) outline(value[i], path + "[" + std::to_string(i) + "]", result);
  } else {
    result.insert(path);
  }
}
std::set<std::string> outline(const json& value) {
  std::set<std::string> result;
  outline(value, "", result);
  return result;
}

double norm(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return std::sqrt(sum);
}

/// The same tensors; weights apart by at most 1e-3 of their norm.
void check_checkpoints(const fs::path& a, const fs::path& b) {
  const TensorFile x = read_safetensors(a), y = read_safetensors(b);
  auto of_x = x.metadata, of_y = y.metadata;
  for (auto* metadata : {&of_x, &of_y}) metadata->erase("kantor.steps");  // a device with kernels fuses them
  CHECK(of_x == of_y);
  REQUIRE(x.tensors.size() == y.tensors.size());
  std::vector<double> weights, apart;
  for (size_t i = 0; i < x.tensors.size(); ++i) {
    const auto& [name, value] = x.tensors[i];
    const auto& [other_name, other] = y.tensors[i];
    INFO(name);
    CHECK(name == other_name);
    CHECK(value.shape() == other.shape());
    CHECK(value.dtype() == other.dtype());
    if (name.find(".adam.") != std::string::npos || name.find(".rmsprop.") != std::string::npos) continue;
    const auto v = value.to_vector<double>(), w = other.to_vector<double>();
    REQUIRE(v.size() == w.size());
    weights.insert(weights.end(), v.begin(), v.end());
    for (size_t k = 0; k < v.size(); ++k) apart.push_back(v[k] - w[k]);
  }
  CHECK(norm(apart) <= 1e-3 * norm(weights));
}

/// Losses within 1e-3 of their scale.
void check_losses(const std::vector<json>& a, const std::vector<json>& b) {
  double scale = 0;
  for (const json& line : a) {
    for (const char* key : {"critic_loss", "generator_loss"}) scale = std::max(scale, std::abs(line.value(key, 0.0)));
  }
  for (size_t i = 0; i < a.size(); ++i) {
    INFO("line " << i << " of metrics.jsonl");
    for (const char* key : {"critic_loss", "generator_loss"}) {
      if (a[i].contains(key)) CHECK(std::abs(a[i][key].get<double>() - b[i][key].get<double>()) <= 1e-3 * scale);
    }
  }
}

void check_same_run(const fs::path& a, const fs::path& b) {
  CHECK(files_of(a) == files_of(b));
  CHECK(first_line(a / "metrics.csv") == first_line(b / "metrics.csv"));
  const std::vector<json> x = lines_of(a), y = lines_of(b);
  REQUIRE(x.size() == y.size());
  for (size_t i = 0; i < x.size(); ++i) CHECK(outline(x[i]) == outline(y[i]));
  check_losses(x, y);
  for (const auto& entry : fs::directory_iterator(a / "checkpoints")) {
    check_checkpoints(entry.path(), b / "checkpoints" / entry.path().filename());
  }
  for (const auto& entry : fs::directory_iterator(a / "samples")) {
    const Image p = read_png(entry.path()), q = read_png(b / "samples" / entry.path().filename());
    CHECK((p.width == q.width && p.height == q.height && p.channels == q.channels));
  }
}

/// 24 pictures of 8 x 8.
std::string pictures(const ProgramFolder& folder) {
  std::vector<float> pixels(24 * 64);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>((i * 7 + i / 64 * 13) % 50) / 50;
  write_npy(folder / "pictures.npy", from_host(pixels, {24, 1, 8, 8}));
  return folder / "pictures.npy";
}

/// Arguments of a few kinds of training: points and pictures, constraints of each sort.
std::vector<std::vector<std::string>> kinds(const ProgramFolder& folder) {
  const std::vector<std::string> mlp{"--set", "generator.network=mlp", "--set", "critic.network=mlp"};
  std::vector<std::string> images{"--data", pictures(folder), "--constraint", "penalty"};
  images.insert(images.end(), mlp.begin(), mlp.end());
  return {{"--preset", "ring8", "--constraint", "clip"},
          {"--preset", "ring8", "--constraint", "penalty"},
          {"--preset", "swissroll", "--constraint", "spectral"},
          images};
}

void writes_what_the_cpu_writes(const std::string& device) {
  const ProgramFolder folder;
  int number = 0;
  for (const auto& kind : kinds(folder)) {
    INFO(json(kind).dump());
    const std::string name = std::to_string(number++);
    run_well(small_training(folder / ("cpu-" + name), "cpu", kind));
    run_well(small_training(folder / ("there-" + name), device, kind));
    check_same_run(folder / ("cpu-" + name), folder / ("there-" + name));
  }
}

/// Trains half on one device, half on the other, which must give the same as a run that stays on the first.
void resumes_elsewhere(const std::string& from, const std::string& to) {
  INFO("from " << from << " to " << to);
  const ProgramFolder folder;
  const std::vector<std::string> kind{"--preset", "ring8", "--constraint", "penalty"};
  std::vector<std::string> half = kind;
  half.insert(half.end(), {"--set", "train.steps=4"});
  run_well(small_training(folder / "whole", from, kind));
  run_well(small_training(folder / "parts", from, half));
  run_well({"train", "--resume", "--out", folder / "parts", "--device", to, "--set", "train.steps=8", "--quiet"});
  check_same_run(folder / "whole", folder / "parts");
}

/// Runs every other command on the output of a training on the device.
void commands_run(const std::string& device) {
  const ProgramFolder folder;
  const std::vector<std::string> kind{"--preset", "ring8", "--constraint", "penalty"};
  run_well(small_training(folder / "run", device, kind));
  const std::string checkpoint = newest(folder / "run").string();
  run_well({"sample", checkpoint, "--count", "5", "--out", folder / "s.npy"});
  CHECK(read_npy(folder / "s.npy").shape() == Shape{5, 2});
  const ProgramResult inspected = run_kantor({"inspect", checkpoint, "--json"});
  CHECK(inspected.code == 0);
  CHECK(json::parse(inspected.out)["tensors"].size() == read_safetensors(checkpoint).tensors.size());
  // The gradients of the trained critic.
  const TensorFile file = read_safetensors(checkpoint);
  TensorFile weights;
  for (const auto& [name, value] : file.tensors) {
    if (name.starts_with("critic.")) weights.tensors.emplace_back(name.substr(7), value);
  }
  write_safetensors(folder / "w.safetensors", weights);
  write_npy(folder / "x.npy", from_host(std::vector<float>{0, 1, 2, 3}, {2, 2}));
  write_npy(folder / "y.npy", from_host(std::vector<float>{1, 1, -1, 0}, {2, 2}));
  write_npy(folder / "e.npy", from_host(std::vector<float>{0.25, 0.5}, {2}));
  run_well({"gradients", "--network", folder.file("layers.json", file.metadata.at("kantor.critic")), "--weights",
            folder / "w.safetensors", "--real", folder / "x.npy", "--fake", folder / "y.npy", "--eps", folder / "e.npy",
            "--out", folder / "g.safetensors"});
  std::vector<std::string> compare = small_training(folder / "compare", device, {"--constraint", "clip"});
  compare[0] = "compare";
  run_well(compare);
  CHECK(fs::exists(folder.path / "compare" / "report.html"));
  // One run of a study, as the study starts the program for it.
  const ProgramResult list = run_kantor({"study", "pile-up", "--tiny", "--list"});
  const json first = json::parse(list.out.substr(0, list.out.find('\n')));
  fs::create_directories(folder.path / "study");
  (void)folder.file("study/settings.json", first["settings"].dump());
  run_well({"study", "pile-up", "--run", folder / "study", "--device", device});
  CHECK(fs::exists(folder.path / "study" / "result.json"));
}

bool without_gpu() {
  const std::string reason = why_unavailable({Device::Kind::cuda, 0});
  if (!reason.empty()) WARN("not run: " << reason);
  return !reason.empty();
}

}  // namespace

TEST_CASE("sim: the program writes the files, keys, columns and shapes that the CPU's runs have, and their values") {
  writes_what_the_cpu_writes("sim");
}

TEST_CASE("sim: a run of the program resumes on another device") {
  resumes_elsewhere("cpu", "sim");
  resumes_elsewhere("sim", "cpu");
}

TEST_CASE("sim: sample, inspect, gradients, compare and a study's run end well, device memory closed to host code") {
  commands_run("sim");
}

TEST_CASE("cuda: the program writes what the CPU's runs have, its runs resume elsewhere, and every command ends well") {
  if (without_gpu()) return;
  writes_what_the_cpu_writes("cuda");
  for (const char* other : {"cpu", "sim"}) {
    resumes_elsewhere("cuda", other);
    resumes_elsewhere(other, "cuda");
  }
  commands_run("cuda");
}
