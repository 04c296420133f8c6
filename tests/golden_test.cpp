// The golden cases: PyTorch's float64 values and gradients, for every case folder of KANTOR_GOLDEN or of tests/golden.
#include "engine/in_place.h"
#include "engine/optimizer.h"
#include "models/files/npy.h"
#include "models/files/safetensors.h"
#include "models/gan/gradients.h"
#include "tests/catch.h"
#include "tests/paths.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>

using namespace kantor;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

fs::path golden_folder() {
  const char* named = std::getenv("KANTOR_GOLDEN");
  return named ? fs::path(named) : source_folder() / "tests" / "golden";
}

/// Every .npy of a case by its stem, in the names that Kantor writes.
TensorFile arrays(const fs::path& folder) {
  TensorFile file;
  file.source = folder.string();
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".npy")
      file.tensors.emplace_back(entry.path().stem().string(), read_npy(entry.path()));
  }
  return with_pytorch_names(file);
}

double max_abs(const std::vector<double>& values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

/// max |a - b|; shapes up to the axis order of a rank-0 or [B, 1] score are compared by size.
double distance(const Tensor& a, const Tensor& b) {
  REQUIRE(a.size() == b.size());
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  double largest = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    largest = std::isnan(x[i]) ? std::numeric_limits<double>::infinity() : std::max(largest, std::abs(x[i] - y[i]));
  }
  return largest;
}

Shape shape_of(const json& extents) {
  const auto values = extents.get<std::vector<int64_t>>();
  return Shape(std::span<const int64_t>(values));
}

/// Compares each computed tensor with the case's array of that name. Returns how many gradients were compared.
int compare(const TensorFile& computed, const TensorFile& expected, DType dtype) {
  double scale = 0;
  for (const auto& [name, value] : expected.tensors) {
    if (name.starts_with("grad.")) scale = std::max(scale, max_abs(value.to_vector<double>()));
  }
  const double bar = dtype == DType::float64 ? 1e-10 : 1e-5;
  int gradients = 0;
  for (const auto& [name, value] : computed.tensors) {
    INFO(name);
    const Tensor& target = expected.at(name);
    const double unit = name.starts_with("grad.") ? scale : std::max(1.0, max_abs(target.to_vector<double>()));
    CHECK(distance(value, target) <= bar * unit);
    gradients += name.starts_with("grad.");
  }
  return gradients;
}

ConstraintConfig constraint_of(const json& description) {
  const auto kind = description["penalty"].get<std::string>();
  ConstraintConfig config;
  config.kind = kind == "two_sided" ? "penalty" : kind == "one_sided" ? "one-sided" : kind;
  config.lambda = description["coefficient"].get<double>();
  return config;
}

void critic_case(const json& description, const TensorFile& file, DType dtype) {
  Network critic(description["layers"], shape_of(description["sample_shape"]), {{dtype, {}}});
  load_parameters(critic, file, "param.");
  const GradientRequest request{file.at("real"), file.at("fake"), file.at("eps"), constraint_of(description), dtype};
  CHECK(compare(critic_gradients(critic, request), file, dtype) == static_cast<int>(description["parameters"].size()));
}

void generator_case(const json& description, const TensorFile& file, DType dtype) {
  const Tensor z = file.at("z").to(dtype);
  Network generator(description["generator_layers"], {description["z_dim"].get<int64_t>()}, {{dtype, {}}});
  Network critic(description["critic_layers"], generator.output_shape(), {{dtype, {}}});
  load_parameters(generator, file, "param.");
  load_parameters(critic, file, "critic_param.");
  CHECK(compare(generator_gradients(generator, critic, z), file, dtype) ==
        static_cast<int>(description["parameters"].size()));
}

void optimizer_case(const json& description, const TensorFile& file, DType dtype) {
  OptimizerConfig config;
  config.rule = description["optimizer"].get<std::string>();
  const json& arguments = description["arguments"];
  config.learning_rate = arguments.value("lr", config.learning_rate);
  config.alpha = arguments.value("alpha", config.alpha);
  config.epsilon = arguments.value("eps", config.epsilon);
  if (arguments.contains("betas")) {
    config.beta1 = arguments["betas"][0].get<double>();
    config.beta2 = arguments["betas"][1].get<double>();
  }
  std::vector<std::pair<std::string, Shape>> rows;
  for (const json& size : description["sizes"]) rows.emplace_back(std::to_string(rows.size()), shape_of(size));
  Arena parameters(rows, {dtype, {}});
  const Arena gradients = parameters.like();
  for (size_t i = 0; i < rows.size(); ++i) {
    parameters.tensors()[i].copy_from(file.at("param." + rows[i].first).to(dtype));
  }
  const bool clipped = !description["clip"].is_null();
  Optimizer optimizer(
      config, parameters,
      clipped ? std::vector<double>(rows.size(), description["clip"].get<double>()) : std::vector<double>());
  for (int step = 0; step < description["steps"].get<int>(); ++step) {
    std::vector<Tensor> grads;
    for (size_t i = 0; i < rows.size(); ++i) {
      grads.push_back(file.at("grad." + std::to_string(step) + "." + rows[i].first).to(dtype));
    }
    store_gradients(grads, gradients);
    optimizer.update(gradients);
    double saturated = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      const Tensor& target = file.at("param_after." + std::to_string(step) + "." + rows[i].first);
      const double bar = dtype == DType::float64 ? 1e-10 : 1e-5;
      CHECK(distance(parameters.tensors()[i], target) <= bar * std::max(1.0, max_abs(target.to_vector<double>())));
      saturated += static_cast<double>(optimizer.statistics()[i].saturated);
    }
    const auto expected = file.at("saturated." + std::to_string(step)).to_vector<double>();
    double total = 0;
    for (const double value : expected) total += value;
    // In float32 a weight may round onto the bound that it only comes near in float64.
    if (!description["clip"].is_null() && dtype == DType::float64) CHECK(saturated == total);
  }
}

}  // namespace

TEST_CASE("golden: values and gradients agree with PyTorch's") {
  int cases = 0;
  for (const auto& entry : fs::directory_iterator(golden_folder())) {
    if (!entry.is_directory()) continue;
    INFO(entry.path().string());
    ++cases;
    std::ifstream stream(entry.path() / "case.json");
    REQUIRE(stream.good());
    const json description = json::parse(stream);
    const auto kind = description["kind"].get<std::string>();
    const TensorFile file = arrays(entry.path());
    for (const DType dtype : {DType::float64, DType::float32}) {
      INFO(to_string(dtype));
      if (kind == "critic_step") {
        critic_case(description, file, dtype);
      } else if (kind == "generator_step") {
        generator_case(description, file, dtype);
      } else if (kind == "optimizer") {
        optimizer_case(description, file, dtype);
      } else {
        FAIL("unknown kind " << kind);
      }
    }
  }
  std::cout << cases << " golden cases\n";
  CHECK(cases > 0);
}
