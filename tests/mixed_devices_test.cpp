// Tensors, files, networks and trainings between devices: every pair of `cpu`, `sim` and `cuda`.
#include "engine/arena.h"
#include "engine/autograd.h"
#include "engine/in_place.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/step.h"
#include "models/files/npy.h"
#include "models/gan/gradients.h"
#include "models/training/checkpoint.h"
#include "models/training/presets.h"
#include "models/training/trainer.h"
#include "tests/catch.h"
#include "tests/program.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

using namespace kantor;

namespace {

constexpr Device host{}, sim_device{Device::Kind::sim, 0}, gpu{Device::Kind::cuda, 0};

using PairTest = std::function<void(Device from, Device to)>;

void on_pairs(const std::vector<Device>& devices, const PairTest& test) {
  for (const Device from : devices) {
    for (const Device to : devices) {
      INFO("from " << to_string(from) << " to " << to_string(to));
      test(from, to);
    }
  }
}

/// Runs the check with a GPU if one works; otherwise says that it was not run.
void on_pairs_with_gpu(const PairTest& test) {
  if (const std::string reason = why_unavailable(gpu); !reason.empty()) {
    WARN("not run: " << reason);
    return;
  }
  on_pairs({host, sim_device, gpu}, test);
}

Tensor ramp(int64_t size, TensorOptions options, double start = 1) {
  std::vector<double> values(static_cast<size_t>(size));
  std::iota(values.begin(), values.end(), start);
  return from_host(values, {size}, options);
}

bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && a.to_vector<double>() == b.to_vector<double>();
}

void copies(Device from, Device to) {
  for (const DType dtype : {DType::float32, DType::float64, DType::int64}) {
    for (const int64_t size : {0, 1, 1000}) {
      const Tensor source = ramp(size, {dtype, from}), target = zeros({size}, {dtype, to});
      const uint64_t version = target.value().storage->version, read = source.value().storage->version;
      target.copy_from(source);
      CHECK(same(target, source));
      CHECK(target.device() == to);
      CHECK(target.value().storage->version == version + 1);
      CHECK(source.value().storage->version == read);
      CHECK(same(source.to(to), source));
      CHECK(source.to(to).device() == to);
    }
  }
  const Tensor whole = zeros({10}, {DType::float32, to});
  whole.narrow(3, {4}).copy_from(ramp(20, {DType::float32, from}).narrow(5, {4}));
  CHECK(whole.to_vector<float>() == std::vector<float>{0, 0, 0, 6, 7, 8, 9, 0, 0, 0});
  const std::vector<int64_t> numbers{4, 5, 6};
  const Tensor assigned = zeros({3}, {DType::float64, to});
  assigned.assign(std::span<const int64_t>(numbers));
  CHECK(assigned.to_vector<int64_t>() == numbers);
  CHECK_THROWS_AS(whole.copy_from(ramp(9, {DType::float32, from})), ShapeError);
}

void captures(Device from, Device to) {
  const Tensor source = ramp(4, {DType::float32, from}), target = zeros({4}, {DType::float32, to});
  Step step([&] { target.copy_from(source); }, to);
  if (from == to) {
    while (!step.captured()) step();
    source.assign(std::span<const float>(std::vector<float>{7, 7, 7, 7}));
    step();
    CHECK(same(target, source));
  } else {
    CHECK_THROWS_WITH(step(), Contains("between devices") && Contains("capture"));
    CHECK_FALSE(capturing());
  }
}

template <class F>
void refused_by_name(Device a, Device b, const std::string& op, const F& fn) {
  if (a == b) {
    CHECK_NOTHROW(fn());
    return;
  }
  try {
    fn();
    FAIL_CHECK(op << " took tensors of two devices");
  } catch (const DeviceError& error) {
    CHECK_THAT(error.what(), Contains(op) && Contains(to_string(a)) && Contains(to_string(b)));
  }
}

void refusals(Device from, Device to) {
  const TensorOptions there{DType::float32, to}, here{DType::float32, from};
  refused_by_name(from, to, "add", [&] { (void)(ones({3}, here) + ones({3}, there)); });
  refused_by_name(from, to, "blend", [&] { blend(ones({3}, there), ones({3}, here), 0.5, 0.5); });
  const Arena parameters({{"w", {3}}, {"b", {2}}}, there), elsewhere({{"w", {3}}, {"b", {2}}}, here);
  refused_by_name(from, to, "store_gradients", [&] {
    store_gradients({ones({3}, here), ones({2}, here)}, parameters);
  });
  for (const std::string& rule : optimizer_names()) {
    OptimizerConfig config;
    config.rule = rule;
    Optimizer optimizer(config, parameters);
    refused_by_name(from, to, "clip_update", [&] { optimizer.update(elsewhere); });
  }
}

void files(Device from, Device to) {
  const ProgramFolder folder;
  const Tensor a = ramp(12, {DType::float32, from}), b = ramp(3, {DType::int64, to});
  write_npy(folder / "a.npy", a);
  CHECK(same(read_npy(folder / "a.npy").to(to), a));
  TensorFile file;
  file.tensors = {{"a", a}, {"b", b}};
  write_safetensors(folder / "ab.safetensors", file);
  const TensorFile read = read_safetensors(folder / "ab.safetensors");
  CHECK(same(read.at("a"), a));
  CHECK(same(read.at("b"), b));
}

nlohmann::json layers() {
  return nlohmann::json::parse(R"([{"type": "conv2d", "in": 1, "out": 3, "kernel": 3, "padding": 1},
    {"type": "tanh"}, {"type": "flatten"}, {"type": "linear", "in": 48, "out": 1}])");
}

void networks(Device from, Device to) {
  NetworkOptions options;
  options.seed = 5;
  options.tensor = {DType::float64, from};
  const Network written(layers(), {1, 4, 4}, options);
  options.seed = 6;
  options.tensor.device = to;
  Network read(layers(), {1, 4, 4}, options);
  TensorFile weights;
  for (size_t i = 0; i < written.parameters().rows().size(); ++i) {
    weights.tensors.emplace_back(written.parameters().rows()[i].name, written.to_file(static_cast<int>(i)));
  }
  load_parameters(read, weights);
  for (size_t i = 0; i < written.parameters().rows().size(); ++i) {
    CHECK(same(read.parameters().tensors()[i], written.parameters().tensors()[i]));
  }
  // Gradients of the same step, the inputs on the other's device.
  GradientRequest request;
  request.real = reshape(ramp(32, {DType::float64, to}), {2, 1, 4, 4}) * full({}, 0.01, {DType::float64, to});
  request.fake = reshape(ramp(32, {DType::float32, from}, -9), {2, 1, 4, 4}) * full({}, 0.02, {DType::float32, from});
  request.eps = from_host(std::vector<double>{0.3, 0.6}, {2}, {DType::float64, to});
  const TensorFile ours = critic_gradients(written, request), theirs = critic_gradients(read, request);
  for (const auto& [name, value] : ours.tensors) {
    const auto x = value.to_vector<double>(), y = theirs.at(name).to_vector<double>();
    REQUIRE(x.size() == y.size());
    for (size_t i = 0; i < x.size(); ++i) CHECK(x[i] == Approx(y[i]).epsilon(1e-10).margin(1e-12));
  }
}

RunConfig small(const std::string& constraint) {
  RunConfig config = preset("ring8", constraint);
  config.batch = 8;
  config.critic_steps = 2;
  config.generator.width = config.critic.width = 16;
  config.generator.norm = "batch";  // a buffer to carry too
  return config;
}

/// A checkpoint written on one device continues on the other, and is unchanged if nothing happened in between.
void trainings(Device from, Device to) {
  for (const char* constraint : {"clip", "penalty", "spectral"}) {
    const RunConfig config = small(constraint);
    const auto data = open_dataset(config.data);
    Trainer begun(config, data, from);
    for (int step = 0; step < 4; ++step) begun.step();
    const TensorFile checkpoint = parse_safetensors(encode_safetensors(begun.checkpoint()), "checkpoint");
    Trainer resumed(config, data, to);
    resumed.restore(checkpoint);
    CHECK(resumed.steps_done() == 4);
    CHECK(encode_safetensors(resumed.checkpoint()) == encode_safetensors(begun.checkpoint()));
    const Tensor samples = load_generator(checkpoint).network->operator()(ones({3, config.z}), Mode::evaluate);
    CHECK(samples.device() == host);
    CHECK(samples.shape()[0] == 3);
    for (int step = 0; step < 3; ++step) {
      begun.step();
      resumed.step();
      const StepLosses a = begun.losses(), b = resumed.losses();
      const double scale = std::max({std::abs(a.critic_loss), std::abs(a.generator_loss), 0.1});
      CHECK(std::abs(a.critic_loss - b.critic_loss) <= 1e-3 * scale);
      CHECK(std::abs(a.generator_loss - b.generator_loss) <= 1e-3 * scale);
    }
  }
}

}  // namespace

TEST_CASE("devices: tensors are copied between cpu and sim, both ways, not within a capture") {
  on_pairs({host, sim_device}, copies);
  on_pairs({host, sim_device}, captures);
}

TEST_CASE("devices: ops in place refuse tensors of two devices by name") {
  on_pairs({host, sim_device}, refusals);
}

TEST_CASE("devices: files, networks and gradients come from and go to cpu and sim alike") {
  on_pairs({host, sim_device}, files);
  on_pairs({host, sim_device}, networks);
}

TEST_CASE("devices: a training begun on cpu or sim resumes on the other") {
  on_pairs({host, sim_device}, trainings);
}

TEST_CASE("cuda: tensors, files, networks and gradients move between a GPU, the CPU and the simulator") {
  on_pairs_with_gpu(copies);
  on_pairs_with_gpu(captures);
  on_pairs_with_gpu(refusals);
  on_pairs_with_gpu(files);
  on_pairs_with_gpu(networks);
}

TEST_CASE("cuda: a training begun on a GPU, the CPU or the simulator resumes on the others") {
  on_pairs_with_gpu(trainings);
}
