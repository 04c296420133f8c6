// Networks from a list of layers: shapes, presets, initializations, file layouts, and the errors for wrong lists.
#include "models/nn/network.h"

#include "engine/autograd.h"
#include "engine/random.h"
#include "models/gan/critic_loss.h"
#include "models/lipschitz/constraint.h"
#include "models/nn/architectures.h"
#include "tests/catch.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

using namespace kantor;
using nlohmann::json;

namespace {

Network make(const json& layers, const Shape& sample, Initialization initialization = Initialization::pytorch) {
  NetworkOptions options;
  options.initialization = initialization;
  options.seed = 7;
  options.uniform_bound = 0.03;
  return {layers, sample, options};
}

std::vector<double> row(const Network& network, const std::string& name) {
  const auto& rows = network.parameters().rows();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].name == name) return network.parameters().tensors()[i].to_vector<double>();
  }
  FAIL("no parameter " << name);
  return {};
}

double largest(const std::vector<double>& values) {
  double result = 0;
  for (const double v : values) result = std::max(result, std::abs(v));
  return result;
}

Tensor noise(const Shape& shape, uint32_t stream = 5) {
  return normal(shape, 3, stream, zeros({}, {DType::int64, {}}));
}

}  // namespace

TEST_CASE("network: an MLP of any depth and width") {
  for (const int depth : {0, 1, 4}) {
    const Network network = make(mlp({3, 2, 5, depth, "tanh", "none"}), {3});
    CHECK(network.output_shape() == Shape{2});
    CHECK(network(noise({7, 3})).shape() == Shape{7, 2});
    CHECK(network.parameters().rows().size() == static_cast<size_t>(2 * (depth + 1)));
  }
}

TEST_CASE("network: DCGAN for 16, 28, 32 and 64 pixels in grey and colour, with and without norms") {
  for (const int64_t size : {16, 28, 32, 64}) {
    for (const int64_t channels : {1, 3}) {
      for (const char* norm : {"none", "batch", "layer"}) {
        INFO(size << " pixels, " << channels << " channels, norm " << norm);
        const DcganSpec spec{size, channels, 2, 4, norm};
        const Network critic = make(dcgan_critic(spec), {channels, size, size});
        CHECK(critic.output_shape() == Shape{1});
        CHECK(critic(noise({3, size, size, channels})).shape() == Shape{3, 1});
        if (std::string(norm) == "layer") continue;  // generators have none or batch norm
        const Network generator = make(dcgan_generator(spec), {4});
        CHECK(generator.output_shape() == Shape{channels, size, size});
        const auto pixels = generator(noise({3, 4})).to_vector<double>();
        CHECK(pixels.size() == static_cast<size_t>(3 * size * size * channels));
        CHECK(std::all_of(pixels.begin(), pixels.end(), [](double p) { return p >= 0 && p <= 1; }));
      }
    }
  }
  CHECK_THROWS_WITH(dcgan_critic({20, 1, 2, 4, "none"}), Contains("28") && Contains("20"));
}

TEST_CASE("network: flatten gives PyTorch's order of channels, rows, columns") {
  const Network network = make(json::parse(R"([{"type":"flatten"}])"), {2, 1, 3});
  // Pixel x of channel c holds 10 c + x; NHWC comes in.
  const auto out = network(from_host<float>({0, 10, 1, 11, 2, 12}, {1, 1, 3, 2})).to_vector<float>();
  CHECK(out == std::vector<float>{0, 1, 2, 10, 11, 12});
}

TEST_CASE("network: initializations keep their ranges") {
  const json layers = mlp({64, 8, 64, 1, "relu", "layer"});
  const double fan = 64;
  const Network he = make(layers, {64}, Initialization::he_uniform);
  CHECK(largest(row(he, "0.weight")) == Approx(std::sqrt(6 / fan)).epsilon(0.01));
  CHECK(largest(row(he, "0.bias")) == 0);
  const Network torch = make(layers, {64}, Initialization::pytorch);
  CHECK(largest(row(torch, "0.weight")) == Approx(1 / std::sqrt(fan)).epsilon(0.01));
  CHECK(largest(row(torch, "0.bias")) <= 1 / std::sqrt(fan));
  CHECK(largest(row(torch, "0.bias")) > 0.5 / std::sqrt(fan));
  const Network xavier = make(layers, {64}, Initialization::xavier_uniform);
  CHECK(largest(row(xavier, "0.weight")) == Approx(std::sqrt(6 / (fan + 64))).epsilon(0.01));
  const Network uniform = make(layers, {64}, Initialization::uniform);
  CHECK(largest(row(uniform, "0.weight")) == Approx(0.03).epsilon(0.01));
  const Network dcgan = make(layers, {64}, Initialization::dcgan);
  double squares = 0;
  for (const double w : row(dcgan, "0.weight")) squares += w * w;
  CHECK(std::sqrt(squares / 4096) == Approx(0.02).epsilon(0.05));
  CHECK_THROWS_WITH(parse_initialization("he"), Contains("he_uniform"));
}

TEST_CASE("network: the seed and the stream decide the weights, and nothing else does") {
  const json layers = mlp({2, 1, 8, 1, "relu", "none"});
  CHECK(row(make(layers, {2}), "0.weight") == row(make(layers, {2}), "0.weight"));
  NetworkOptions other;
  other.seed = 7;
  other.stream = 1;
  CHECK(row(Network(layers, {2}, other), "0.weight") != row(make(layers, {2}), "0.weight"));
}

TEST_CASE("network: parameters go to file layout and back") {
  Network network = make(json::parse(R"([{"type":"conv2d","in":2,"out":3,"kernel":2,"stride":1},
                                         {"type":"conv_transpose2d","in":3,"out":2,"kernel":3,"stride":2}])"),
                         {2, 5, 5});
  const auto before = network.parameters().flat().to_vector<float>();
  for (size_t i = 0; i < network.parameters().rows().size(); ++i) {
    const Tensor file = network.to_file(static_cast<int>(i));
    if (network.parameters().rows()[i].name == "0.weight") CHECK(file.shape() == Shape{3, 2, 2, 2});
    if (network.parameters().rows()[i].name == "1.weight") CHECK(file.shape() == Shape{3, 2, 3, 3});
    network.from_file(static_cast<int>(i), file);
  }
  CHECK(network.parameters().flat().to_vector<float>() == before);
  CHECK_THROWS_AS(network.from_file(0, zeros({3, 2, 2, 1})), ShapeError);
}

TEST_CASE("network: batch norm's running statistics serve evaluation") {
  const Network network = make(json::parse(R"([{"type":"batch_norm","channels":2}])"), {2});
  CHECK(network.has_batch_norm());
  const Tensor x = noise({64, 2}) * 3.0 + 1.0;
  for (int i = 0; i < 200; ++i) (void)network(x, Mode::train);
  const auto trained = network(x, Mode::train).to_vector<double>();
  const auto evaluated = network(x, Mode::evaluate).to_vector<double>();
  for (size_t i = 0; i < trained.size(); ++i) CHECK(evaluated[i] == Approx(trained[i]).margin(0.03));
  CHECK(network(slice(x, 0, 0, 1), Mode::evaluate).to_vector<double>()[0] == Approx(evaluated[0]));
}

TEST_CASE("network: trace gives every layer's output, and the same result") {
  const Network network = make(mlp({2, 1, 4, 2, "relu", "none"}), {2});
  std::vector<Tensor> outputs;
  const Tensor x = noise({3, 2});
  const Tensor y = network.trace(x, outputs);
  CHECK(outputs.size() == network.description().size());
  CHECK(y.to_vector<float>() == network(x).to_vector<float>());
  CHECK(outputs.back().to_vector<float>() == y.to_vector<float>());
}

TEST_CASE("network: a wrong list is told its layer, what was found and what is known") {
  const auto refused = [](const char* layers, const Shape& sample, const std::string& text) {
    INFO(layers);
    CHECK_THROWS_WITH(make(json::parse(layers), sample), Contains(text));
  };
  refused(R"([{"type":"linar","in":2,"out":1}])", {2}, "unknown type 'linar'");
  refused(R"([{"type":"linear","in":2}])", {2}, "key 'out' is missing");
  refused(R"([{"type":"linear","in":2,"out":0}])", {2}, "key 'out' is 0");
  refused(R"([{"type":"leaky_relu","slope":1e39}])", {2}, "key 'slope' is 1e+39, expected a number that is finite");
  refused(R"([{"type":"leaky_relu","slope":"steep"}])", {2}, "key 'slope' is \"steep\"");
  refused(R"([{"type":"linear","in":2,"out":1,"width":3}])", {2}, "unknown key 'width'");
  refused(R"([{"type":"linear","in":3,"out":1}])", {2}, "layer 0");
  refused(R"([{"type":"conv2d","in":1,"out":1,"kernel":9}])", {1, 4, 4}, "an image that holds a kernel of 9");
  refused(R"([{"type":"linear","in":2,"out":3},{"type":"layer_norm","shape":[4]}])", {2}, "layer 1");
  refused(R"([7])", {2}, "layer 0");
  refused(R"({"type":"relu"})", {2}, "list");
  refused(R"([{"type":"reshape","shape":[2,2]}])", {3}, "4 elements");
}

TEST_CASE("network: batch norm in a penalised critic is known to mix samples") {
  CHECK(make_constraint({.kind = "penalty"})->per_sample());
  CHECK(make_constraint({.kind = "one-sided"})->per_sample());
  CHECK_FALSE(make_constraint({.kind = "clip"})->per_sample());
  CHECK_THROWS_WITH(make_constraint({.kind = "clp"}), Contains("clip"));
}

TEST_CASE("network: clipping bounds what it is told to") {
  const json layers = mlp({2, 1, 4, 1, "relu", "layer"});
  for (const bool biases : {true, false}) {
    for (const bool scales : {true, false}) {
      Network critic = make(layers, {2});
      const std::vector<double> bounds = make_constraint({"clip", 10, 0.01, biases, scales})->bounds(critic);
      for (size_t i = 0; i < critic.parameters().rows().size(); ++i) {
        const Network::Role& role = critic.roles()[i];
        const bool bounded = role.bias ? biases : role.norm ? scales : true;
        INFO(critic.parameters().rows()[i].name);
        CHECK(std::isfinite(bounds[i]) == bounded);
        if (bounded) CHECK(bounds[i] == 0.01);
      }
    }
  }
}

TEST_CASE("network: ten thousand penalised steps leave no tensor behind") {
  const Network critic = make(mlp({2, 1, 4, 1, "tanh", "none"}), {2});
  const auto constraint = make_constraint({.kind = "penalty"});
  const CriticBatch batch{noise({4, 2}), noise({4, 2}, 6), noise({4}, 7)};
  const auto once = [&] {
    const CriticLoss loss = critic_loss(critic, *constraint, batch);
    (void)grad(loss.loss, critic.parameters().tensors());
  };
  for (int i = 0; i < 100; ++i) once();
  const MemoryStats before = memory_stats();
  for (int i = 0; i < 10'000; ++i) once();
  const MemoryStats after = memory_stats();
  CHECK(after.live_bytes == before.live_bytes);
  CHECK(after.live_buffers == before.live_buffers);
  CHECK(after.cached_bytes <= before.cached_bytes + (1 << 20));
}
