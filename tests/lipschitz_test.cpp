// Constraints: DRAGAN by hand, the layers that each constraint makes of a critic, and the Lipschitz constants measured
// in trained ones.
#include "engine/autograd.h"
#include "engine/grad_mode.h"
#include "models/gan/gradients.h"
#include "models/lipschitz/constraint.h"
#include "models/nn/architectures.h"
#include "models/nn/parametrization.h"
#include "models/training/presets.h"
#include "models/training/trainer.h"
#include "tests/catch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>

using namespace kantor;
using nlohmann::json;

namespace {

const TensorOptions f64{DType::float64, {}};

Tensor counter(int64_t value) {
  return from_host(std::vector<int64_t>{value}, {}, {DType::int64, {}});
}

/// Largest L2 norm of d critic / d x at the rows of x.
double largest_slope(const Network& critic, const Tensor& x) {
  const Tensor leaf = x.detach();
  const auto norms = row_norm(grad(sum(critic(leaf, Mode::evaluate)), {leaf})[0]).to_vector<double>();
  return *std::max_element(norms.begin(), norms.end());
}

json layers_of(const std::string& kind, const json& critic) {
  return make_constraint({.kind = kind})->layers(critic);
}

/// Largest element of |W W^T - I|, or of |W^T W - I| for a tall W.
double from_orthonormal(const Tensor& w) {
  const NoGrad no_grad;
  const bool wide = w.shape()[0] <= w.shape()[1];
  const Tensor gram = wide ? matmul(w, w, false, true) : matmul(w, w, true, false);
  const auto values = gram.to_vector<double>();
  const auto n = static_cast<size_t>(gram.shape()[0]);
  double farthest = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    farthest = std::max(farthest, std::abs(values[i] - (i % (n + 1) == 0 ? 1 : 0)));
  }
  return farthest;
}

}  // namespace

TEST_CASE("lipschitz: DRAGAN's value, points and norms are those computed by hand") {
  // D(x) = a tanh(w x + b) on a line: |D'(x)| = |a w| (1 - tanh^2(w x + b)).
  const double w = 0.8, b = -0.3, a = 1.7, lambda = 10;
  Network critic(mlp({1, 1, 1, 1, "tanh", "none"}), {1}, {f64});
  const std::vector<double> flat{w, b, a, 0.4};
  for (size_t i = 0; i < 4; ++i) critic.parameters().tensors()[i].assign(std::span(&flat[i], 1));
  const std::vector<double> x{0.5, -1, 2, 3.5}, u{0, 0.25, 0.5, 0.999};
  CriticBatch batch{from_host(x, {4, 1}, f64), zeros({4, 1}, f64), {}};
  batch.noise = from_host(u, {4, 1}, f64);
  const ConstraintTerm term = make_constraint({.kind = "dragan", .lambda = lambda})->penalty(critic, batch);

  double average = 0, square_mean = 0, value = 0;
  for (const double v : x) average += v / 4;
  for (const double v : x) square_mean += (v - average) * (v - average) / 4;  // of the population
  const auto points = term.points.to_vector<double>(), norms = term.norms.to_vector<double>();
  for (size_t i = 0; i < 4; ++i) {
    const double point = x[i] + 0.5 * std::sqrt(square_mean) * u[i], t = std::tanh(w * point + b);
    const double norm = std::abs(a * w) * (1 - t * t);
    value += lambda * (norm - 1) * (norm - 1) / 4;
    CHECK(points[i] == Approx(point).epsilon(1e-14));
    CHECK(norms[i] == Approx(norm).epsilon(1e-14));
  }
  CHECK(term.value.item() == Approx(value).epsilon(1e-14));
}

TEST_CASE("lipschitz: DRAGAN draws for its samples what a draw for all samples has at their rows") {
  const Network critic(mlp({3, 1, 4, 1, "tanh", "none"}), {3}, {});
  const Tensor all = normal({15, 3}, 1, 2, counter(0)), noise = uniform({15, 3}, 7, 9, counter(4));
  const auto constraint = make_constraint({.kind = "dragan"});
  for (const int64_t first : {0, 5, 10}) {
    const Tensor real = slice(all, 0, first, first + 5);
    CriticBatch drawn{real, real, {}}, given{real, real, {}};
    drawn.noise_draw = {7, 9, counter(4), 3 * first};
    given.noise = slice(noise, 0, first, first + 5);
    const Tensor points = constraint->penalty(critic, drawn).points;
    CHECK(points.to_vector<float>() == constraint->penalty(critic, given).points.to_vector<float>());
    CHECK(points.to_vector<float>() != real.to_vector<float>());
  }
  const Tensor real = slice(all, 0, 0, 5);
  CHECK_THROWS_WITH(constraint->penalty(critic, {real, real, {}}), Contains("neither noise nor a draw"));
  CHECK_THROWS_WITH(make_constraint({.kind = "dragan", .lambda = -1}), Contains("critic.lambda = -1"));
}

TEST_CASE("lipschitz: constraints say in the layer list what they make of a critic") {
  const json critic = mlp({2, 1, 8, 1, "relu", "none"});
  for (const char* kind : {"clip", "penalty", "one-sided", "r1", "r2", "dragan", "none"}) {
    CHECK(layers_of(kind, critic) == critic);
  }
  for (const auto& [kind, parametrization] :
       {std::pair{"spectral", "spectral"}, {"weight-norm", "weight_norm"}, {"groupsort", "orthonormal"}}) {
    const json made = layers_of(kind, critic);
    CHECK(made[0]["parametrization"] == parametrization);
    CHECK(made[1]["type"] == (std::string(kind) == "groupsort" ? "group_sort" : "relu"));
    CHECK(made[2]["parametrization"] == parametrization);
    CHECK(layers_of(kind, made) == made);
    CHECK(Network(made, {2}, {}).description() == made);
  }
  const json image = dcgan_critic({28, 1, 2, 4, "none"}), sequence = rnn_critic(2, 4);
  const auto sorted = [&](int64_t group) {
    return make_constraint({.kind = "groupsort", .sort_group = group})->layers(critic);
  };
  CHECK(sorted(2)[1]["group"] == 2);
  CHECK(sorted(0)[1]["group"] == critic[0]["out"]);
  CHECK_THROWS_WITH(sorted(-1), Contains("groupsort.group = -1"));
  const json detached = make_constraint({.kind = "spectral", .spectral_detached = true})->layers(critic);
  CHECK(detached[0]["parametrization"] == "spectral_detached");
  for (const char* kind : {"spectral", "weight-norm"}) {
    CHECK(layers_of(kind, image)[0].contains("parametrization"));
    CHECK(layers_of(kind, sequence)[0].contains("parametrization"));
  }
  CHECK_THROWS_WITH(layers_of("groupsort", image), Contains("layer 0 (conv2d)") && Contains("linear"));
  CHECK_THROWS_WITH(layers_of("groupsort", sequence), Contains("layer 0 (rnn)"));
  CHECK_THROWS_WITH(layers_of("spectral", dcgan_generator({28, 1, 2, 4, "none"})), Contains("conv_transpose2d"));
  CHECK_THROWS_WITH(layers_of("spectral", layers_of("groupsort", critic)),
                    Contains("\"orthonormal\"") && Contains("layer 0"));
  CHECK(layers_of("spectral", json::parse(R"([7, {"type": 3}])")) == json::parse(R"([7, {"type": 3}])"));
}

TEST_CASE("lipschitz: GroupSort sorts pairs; ties and NaN stay, and a tie's gradient passes to both") {
  const double nan = std::nan("");
  const Tensor x = from_host<double>({2, 1, 1, 2, 3, 3, -1, nan, nan, -4}, {1, 10}, f64);
  const auto y = group_sort(x).to_vector<double>();
  CHECK(std::vector<double>(y.begin(), y.begin() + 7) == std::vector<double>{1, 2, 1, 2, 3, 3, -1});
  CHECK((std::isnan(y[7]) && std::isnan(y[8]) && y[9] == -4));
  const Tensor weights = from_host<double>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, {1, 10}, f64);
  CHECK(grad(sum(group_sort(x) * weights), {x})[0].to_vector<double>() ==
        std::vector<double>{2, 1, 3, 4, 5, 6, 7, 8, 9, 10});
  CHECK_THROWS_WITH(group_sort(zeros({2, 3})), Contains("even extent"));
  CHECK_THROWS_WITH(maxmin(zeros({2, 4}), zeros({4})), Contains("differ in shape"));
}

// The CPU sorts groups of 2 to 8 in batches, the rest of a tensor and other groups one by one.
TEST_CASE("lipschitz: GroupSort of small groups in batches is a stable sort with NaN last, that only moves values") {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const std::vector<double> some{-inf, -1, -0.0, 0, 1e-40, 1, 2, inf, nan, -nan};  // so most groups have equal ones
  const auto before = [](double a, double b) { return a < b || (!std::isnan(a) && std::isnan(b)); };
  for (const DType dtype : {DType::float32, DType::float64}) {
    for (const int64_t group : {1, 2, 3, 4, 5, 6, 7, 8, 9}) {
      HostRandom random(7, 2, static_cast<uint64_t>(group));
      for (const int64_t groups : {1, 31, 32, 33, 5000}) {
        std::vector<double> values(static_cast<size_t>(groups * group));
        for (double& value : values) value = some[static_cast<size_t>(random.below(10))];
        const Tensor x = from_host(values, {groups, group}, {dtype, {}});
        const SortedGroups found = sort_groups(x, group);
        const auto y = found.values.to_vector<double>(), from = x.to_vector<double>();
        const auto origin = found.origin.to_vector<int64_t>();
        bool same = true;
        for (int64_t first = 0; first < groups * group; first += group) {
          std::vector<int64_t> expected(static_cast<size_t>(group));
          std::iota(expected.begin(), expected.end(), 0);
          const auto at = [&](int64_t k) { return from[static_cast<size_t>(first + k)]; };
          std::stable_sort(expected.begin(), expected.end(),
                           [&](int64_t a, int64_t b) { return before(at(a), at(b)); });
          for (size_t k = 0; k < expected.size(); ++k) {
            const size_t i = static_cast<size_t>(first) + k;
            same = same && origin[i] == expected[k] &&
                   std::bit_cast<uint64_t>(y[i]) == std::bit_cast<uint64_t>(at(expected[k]));
          }
        }
        INFO(groups << " groups of " << group << ", " << to_string(dtype));
        CHECK(same);
      }
    }
  }
}

TEST_CASE("lipschitz: GroupSort of larger groups sorts, keeps equal ones in order and puts NaN last, in both types") {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  for (const DType dtype : {DType::float32, DType::float64}) {
    const TensorOptions options{dtype, {}};
    for (const Device device : {Device{}, Device{Device::Kind::sim, 0}}) {
      const std::vector<double> ten{3, -nan, 1, 1, -inf, 0, -0.0, inf, nan, -2};
      const SortedGroups five = sort_groups(from_host(ten, {1, 10}, {dtype, device}), 5);
      CHECK(five.origin.to_vector<int64_t>() == std::vector<int64_t>{4, 2, 3, 0, 1, 4, 0, 1, 2, 3});
      const auto sorted = five.values.to_vector<double>();
      CHECK(std::isnan(sorted[4]));
      CHECK((sorted[5] == -2 && !std::signbit(sorted[6]) && std::signbit(sorted[7]) && sorted[8] == inf));
      std::vector<double> many;  // enough to be sorted by bytes in either type
      for (int i = 0; i < 32; ++i) many.insert(many.end(), ten.begin(), ten.end());
      const auto origin = sort_groups(from_host(many, {1, 320}, {dtype, device}), 320).origin.to_vector<int64_t>();
      std::vector<int64_t> expected;
      for (const std::vector<int>& equal :
           {std::vector<int>{4}, {9}, {5, 6}, {2, 3}, {0}, {7}, {1, 8}}) {  // indices in the ten values, from the least
        for (int i = 0; i < 32; ++i) {
          for (const int place : equal) expected.push_back(10 * i + place);
        }
      }
      CHECK(origin == expected);
    }
    HostRandom random(3, 1);
    for (const int64_t group : {1, 63, 64, 128, 1000}) {
      INFO(group);
      std::vector<double> values(static_cast<size_t>(3 * group));
      for (double& value : values) value = std::floor(random.normal() * 8) * 1e-3;  // many equal
      const Tensor x = from_host(values, {3, group}, options);
      const SortedGroups found = sort_groups(x, group);
      const auto y = found.values.to_vector<double>(), before = x.to_vector<double>();
      const auto origin = found.origin.to_vector<int64_t>();
      for (int64_t row = 0; row < 3; ++row) {
        std::vector<int64_t> expected(static_cast<size_t>(group));
        std::iota(expected.begin(), expected.end(), 0);
        const auto at = [&](int64_t k) { return before[static_cast<size_t>(row * group + k)]; };
        std::stable_sort(expected.begin(), expected.end(), [&](int64_t a, int64_t b) { return at(a) < at(b); });
        for (int64_t k = 0; k < group; ++k) {
          const auto i = static_cast<size_t>(row * group + k);
          REQUIRE(origin[i] == expected[static_cast<size_t>(k)]);
          REQUIRE(y[i] == at(origin[i]));
        }
      }
      const Tensor there = permute_groups(x, found.origin, group, false);
      CHECK(there.to_vector<double>() == y);
      CHECK(permute_groups(there, found.origin, group, true).to_vector<double>() == before);
    }
  }
  CHECK_THROWS_WITH(sort_groups(zeros({2, 10}), 4), Contains("groups of 4"));
  CHECK_THROWS_WITH(sort_groups(zeros({2, 10}), 0), Contains("groups of 0"));
  CHECK_THROWS_WITH(permute_groups(zeros({2, 4}), zeros({2, 4}), 4, false), Contains("int64"));
}

TEST_CASE("lipschitz: a network of the RNN critic reads sequences, and its first state starts at zero") {
  const Network critic(rnn_critic(2, 3), {4, 2}, {f64});
  CHECK(critic.output_shape() == Shape{1});
  const Tensor x = normal({5, 4, 2}, 3, 1, counter(0), DType::float64);
  CHECK(critic(x).shape() == Shape{5, 1});
  const auto& p = critic.parameters().tensors();  // weight_ih, weight_hh, bias, head
  Tensor h = zeros({5, 3}, f64);
  for (int64_t t = 0; t < 4; ++t) {
    const Tensor at = reshape(slice(x, 1, t, t + 1), {5, 2});
    h = tanh(matmul(at, p[0], false, true) + matmul(h, p[1], false, true) + p[2]);
  }
  const auto expected = linear(h, p[3], p[4]).to_vector<double>(), found = critic(x).to_vector<double>();
  for (size_t i = 0; i < 5; ++i) CHECK(found[i] == Approx(expected[i]).epsilon(1e-13));
  CHECK_THROWS_AS(Network(rnn_critic(2, 3), {4, 3}, {}), ShapeError);
}

TEST_CASE("lipschitz: trained critics of bounded layers are 1-Lipschitz where it is measured") {
  for (const auto& [kind, group, settled] :
       {std::tuple{"spectral", 2, 1e-4}, {"groupsort", 2, 1e-5}, {"groupsort", 0, 1e-5}}) {
    RunConfig config = preset("ring8", kind);
    config.constraint.sort_group = group;
    config.generator.width = config.critic.width = 32;
    config.batch = 64;
    const auto data = open_dataset(config.data);
    Trainer trainer(config, data);
    for (int i = 0; i < 100; ++i) trainer.step();
    const Network& critic = trainer.critic().network();
    const Tensor real = from_host(data->draw(1, 77, 0, 512), {512, 2}),
                 wide = normal({4096, 2}, 5, 1, counter(0)) * 2.0;
    const Tensor fake = trainer.generate(512, 78, 0);
    const auto slope = [&] {
      return std::max({largest_slope(critic, real), largest_slope(critic, fake), largest_slope(critic, wide)});
    };
    INFO(kind << ": " << slope());
    CHECK(slope() <= 1.05);  // one iteration a forward lags behind the weights
    CHECK(slope() >= 0.2);   // and it has learned something
    if (kind == std::string("groupsort")) {
      for (const Tensor& w : critic.parameters().tensors()) {  // slopes would stay below 1 without it, too
        if (w.rank() == 2) CHECK(from_orthonormal(w) <= 1e-5);
      }
    }
    if (kind == std::string("spectral")) {
      for (int i = 0; i < 500; ++i) (void)critic(slice(real, 0, 0, 1));
    }
    INFO(kind << " after 500 more power iterations: " << slope());
    CHECK(slope() <= 1 + settled);
    // Any two points, not only infinitely near ones.
    const NoGrad no_grad;
    const Tensor moved = wide + normal({4096, 2}, 5, 2, counter(0));
    const auto apart = (critic(wide, Mode::evaluate) - critic(moved, Mode::evaluate)).to_vector<double>();
    const auto distance = row_norm(wide - moved).to_vector<double>();
    for (size_t i = 0; i < apart.size(); ++i) CHECK(std::abs(apart[i]) <= distance[i] * (1 + settled));
  }
}

TEST_CASE("lipschitz: a GroupSort critic takes the nearest orthonormal weights of any file") {
  const json plain = mlp({2, 1, 32, 2, "relu", "none"});
  const Network any(plain, {2}, {.tensor = f64, .seed = 8});
  TensorFile file;
  for (size_t i = 0; i < any.parameters().rows().size(); ++i) {
    file.tensors.emplace_back(any.parameters().rows()[i].name, any.to_file(static_cast<int>(i)));
  }
  Network network(layers_of("groupsort", plain), {2}, {.tensor = f64});
  load_parameters(network, file);
  for (size_t i = 0; i < any.parameters().rows().size(); ++i) {
    const Tensor &w = any.parameters().tensors()[i], &found = network.parameters().tensors()[i];
    if (w.rank() != 2) continue;
    CHECK(from_orthonormal(w) > 0.1);
    CHECK(from_orthonormal(found) <= 1e-9);
    const auto nearest = bjorck_orthonormalize(w, 60).to_vector<double>(), taken = found.to_vector<double>();
    for (size_t k = 0; k < taken.size(); ++k) CHECK(taken[k] == Approx(nearest[k]).margin(1e-9));
  }
}

TEST_CASE("lipschitz: a spectral critic's gradients need the singular vectors of its file") {
  const json layers = layers_of("spectral", mlp({2, 1, 4, 1, "tanh", "none"}));
  Network network(layers, {2}, {f64});
  TensorFile file;
  for (size_t i = 0; i < network.parameters().rows().size(); ++i) {
    file.tensors.emplace_back(network.parameters().rows()[i].name, network.to_file(static_cast<int>(i)));
  }
  CHECK_THROWS_WITH(load_parameters(network, file), Contains("0.weight_u"));
  file.tensors.emplace_back("0.weight_u", ones({4}, f64));
  file.tensors.emplace_back("2.weight_u", ones({3}, f64));
  CHECK_THROWS_WITH(load_parameters(network, file), Contains("2.weight_u") && Contains("[3]") && Contains("[1]"));
  file.tensors.back().second = ones({1}, f64);
  load_parameters(network, file);
  CHECK(network.buffers().tensors()[0].to_vector<double>() == std::vector<double>(4, 1.0));
}

TEST_CASE("lipschitz: constraints joined by + all hold") {
  const Tensor counter = zeros({}, {DType::int64, {}});
  const Tensor real = normal({8, 2}, 1, 1, counter, DType::float64),
               fake = normal({8, 2}, 1, 2, counter, DType::float64);
  const CriticBatch batch{real, fake};
  const auto joined = make_constraint({.kind = "r1+r2+clip", .clip = 0.03});
  CHECK(joined->name() == "r1+r2+clip");
  const Network critic(mlp({.width = 8, .depth = 2}), {2}, {.tensor = {DType::float64, {}}});
  const double r1 = make_constraint({.kind = "r1"})->penalty(critic, batch).value.item();
  const double r2 = make_constraint({.kind = "r2"})->penalty(critic, batch).value.item();
  CHECK(joined->penalty(critic, batch).value.item() == Approx(r1 + r2).epsilon(1e-12));
  CHECK(joined->bounds(critic) == std::vector<double>(critic.parameters().rows().size(), 0.03));
  CHECK(joined->per_sample());
  CHECK_FALSE(joined->per_layer());
  CHECK(make_constraint({.kind = "spectral+penalty"})->layers(critic.description())[0]["parametrization"] ==
        "spectral");

  CHECK(has_constraint("r1+clip", "clip"));
  CHECK_FALSE(has_constraint("one-sided", "sided"));
  CHECK(constraint_draws("r1+penalty", ConstraintDraws::eps));
  CHECK_FALSE(constraint_draws("r1+r2", ConstraintDraws::eps));
  CHECK_THROWS_WITH(constraint_parts("r1+r3"), Contains("'r3'") && Contains("joined by +"));
  CHECK_THROWS_WITH(constraint_parts("r1+r1"), Contains("twice"));
  CHECK_THROWS_WITH(constraint_parts("r1+"), Contains("''"));
  CHECK_THROWS_AS(make_constraint({.kind = "spectral+weight-norm"})->layers(critic.description()), Error);
}

TEST_CASE("lipschitz: a constraint says which random numbers it needs, and refuses a batch without them by name") {
  const Tensor step = zeros({}, {DType::int64, {}});
  const Tensor real = normal({4, 2}, 1, 1, step), fake = normal({4, 2}, 1, 2, step);
  for (const ConstraintKind& kind : constraint_table()) {
    INFO(kind.name);
    const auto constraint = make_constraint({.kind = kind.name});
    const Network critic(constraint->layers(mlp({.width = 8, .depth = 2})), {2}, {});
    CriticBatch batch{real, fake};
    if (kind.draws == ConstraintDraws::eps) {
      CHECK_THROWS_WITH(constraint->penalty(critic, batch), Contains("neither eps nor a draw"));
      batch.eps_draw = {1, 3, step};
    }
    if (kind.draws == ConstraintDraws::noise) {
      CHECK_THROWS_WITH(constraint->penalty(critic, batch), Contains("neither noise nor a draw"));
      batch.noise_draw = {1, 3, step};
    }
    const ConstraintTerm term = constraint->penalty(critic, batch);
    for (const Tensor& part : {term.norms, term.points, term.input_gradient}) {
      CHECK(part.defined() == term.value.defined());
    }
  }
}
