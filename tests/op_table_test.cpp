// What every op must do, driven by the table: derivatives, float32 against float64, threads, references.
#include "tests/op_table.h"

#include "engine/apply.h"
#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/threads.h"
#include "tests/catch.h"
#include "tests/paths.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <typeindex>
#include <typeinfo>
#include <vector>

using namespace kantor;
using namespace kantor::testing;

namespace kantor::planted {

/// An op that somebody adds without a row.
class Rowless final : public OpOf<Rowless> {
 public:
  [[nodiscard]] const char* name() const override { return "rowless"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override { return {inputs[0]}; }
  void cpu(Inputs, Outputs) const override {}
};

}  // namespace kantor::planted

namespace {

constexpr int shapes_per_op = 50;

/// Calls check(row, case, random) for 50 random cases of every row.
template <class F>
void for_every_op(uint32_t stream, const F& check) {
  uint32_t index = 0;
  for (const OpRow& row : op_table()) {
    HostRandom random(2026, stream, index++);
    INFO(row.name);
    for (int k = 0; k < shapes_per_op; ++k) check(row, row.sample(random), random);
  }
}

std::vector<Tensor> converted(const std::vector<Tensor>& inputs, DType dtype) {
  std::vector<Tensor> result;
  result.reserve(inputs.size());
  for (const Tensor& input : inputs) result.push_back(is_floating(input.dtype()) ? input.to(dtype) : input);
  return result;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         (a.size() == 0 ||
          std::memcmp(a.view().data, b.view().data, static_cast<size_t>(a.size()) * size_of(a.dtype())) == 0);
}

/// |a - b|^2 / |b|^2.
double normalized_error(const Tensor& a, const Tensor& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  double error = 0, scale = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += (x[i] - y[i]) * (x[i] - y[i]);
    scale += y[i] * y[i];
  }
  return scale > 0 ? error / scale : error;
}

/// Identity whose derivative is off by a thousandth.
class WrongDerivative final : public OpOf<WrongDerivative> {
 public:
  [[nodiscard]] const char* name() const override { return "wrong_derivative"; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override { return {inputs[0]}; }
  void cpu(Inputs, Outputs) const override {}
  [[nodiscard]] std::optional<Value> alias(std::span<const Tensor> inputs) const override { return inputs[0].value(); }
  [[nodiscard]] std::vector<Tensor> vjp(const VjpContext& context) const override { return {context.grads[0] * 1.001}; }
};

std::string readable(std::type_index type) {
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, nullptr),
                                                    std::free);
  return name ? name.get() : type.name();
}

/// The classes of ops in the graph of `y`.
void collect_ops(const Tensor& y, std::set<std::type_index>& types) {
  std::vector<const Node*> open{y.node().get()};
  std::set<const Node*> seen(open.begin(), open.end());
  while (!open.empty()) {
    const Node& node = *open.back();
    open.pop_back();
    if (node.op) types.insert(typeid(*node.op));
    for (const Tensor& input : node.inputs) {
      if (seen.insert(input.node().get()).second) open.push_back(input.node().get());
    }
  }
}

/// Ops that are not functions of tensors and are never differentiated, and the tests that cover them.
const std::map<std::string, std::string> judged_elsewhere{
    {"kantor::(anonymous namespace)::Alias", "autograd_test: derivatives of references are partial"},
    {"kantor::(anonymous namespace)::Blend", "device_test, network_test"},
    {"kantor::(anonymous namespace)::Copy", "device_test, step_test"},
    {"kantor::(anonymous namespace)::DrawOp<kantor::(anonymous namespace)::BelowWords>", "random_test"},
    {"kantor::(anonymous namespace)::DrawOp<kantor::(anonymous namespace)::NormalWords>", "random_test"},
    {"kantor::(anonymous namespace)::DrawOp<kantor::(anonymous namespace)::UniformWords>", "random_test"},
    {"kantor::(anonymous namespace)::Fill", "device_test, sentinel_test"},
    {"kantor::(anonymous namespace)::Increment", "step_test, random_test"},
    {"kantor::(anonymous namespace)::ColumnSumsOp", "rewrite_test"},
    {"kantor::(anonymous namespace)::PointwiseProgramOp", "rewrite_test"},
    {"kantor::(anonymous namespace)::ClipUpdate", "golden_test, step_test, trajectory_test"},
};

}  // namespace

// Every class of ops enters itself into op_types, and all of the engine is linked into this program: none is missed.
TEST_CASE("op table: every class of ops of the engine is in the graph of a row or of its gradient") {
  std::set<std::type_index> seen;
  for_every_op(7, [&](const OpRow&, const Case& c, HostRandom&) {
    std::vector<Tensor> inputs;
    for (const Tensor& input : c.inputs) inputs.push_back(input.detach());
    const Tensor y = c.fn(inputs);
    collect_ops(y, seen);
    for (const Tensor& g : grad(sum(y), inputs, {true, {}})) {  // some ops exist for a derivative, such as clamp's
      if (g.defined()) collect_ops(g, seen);
    }
  });
  const planted::Rowless rowless;
  std::set<std::string> without, known;
  for (const std::type_index type : op_types()) {
    const std::string name = readable(type);
    known.insert(name);
    if (!name.starts_with("kantor::")) continue;  // the tests' own
    if (!seen.contains(type) && !judged_elsewhere.contains(name)) without.insert(name);
  }
  CHECK(without == std::set<std::string>{"kantor::planted::Rowless"});
  for (const auto& [name, tests] : judged_elsewhere) {
    INFO(name);
    CHECK(known.contains(name));
  }
}

// Functions that are composed of other ops have no class.
TEST_CASE("op table: every function of ops.h has a row") {
  std::ifstream file(source_folder() / "engine/ops.h");
  REQUIRE(file.good());
  const std::regex declaration(R"(^(?:inline )?(?!bool )[A-Za-z_][\w:<>]* ([a-z]\w*)\()");
  std::set<std::string> declared, rows;
  for (std::string line; std::getline(file, line);) {
    std::smatch match;
    if (std::regex_search(line, match, declaration) && match[1] != "operator") declared.insert(match[1]);
  }
  for (const OpRow& row : op_table()) rows.insert(row.name);
  REQUIRE(declared.size() > 40);
  for (const std::string& name : declared) {
    INFO(name << " is declared in engine/ops.h and has no row in tests/op_table.cpp");
    CHECK(rows.contains(name));
  }
}

TEST_CASE("op table: first derivatives agree with central differences") {
  for_every_op(1, [](const OpRow&, const Case& c, HostRandom& random) { CHECK(gradcheck(c, random) == ""); });
}

TEST_CASE("op table: second derivatives agree with central differences") {
  for_every_op(2, [](const OpRow&, const Case& c, HostRandom& random) { CHECK(gradgradcheck(c, random) == ""); });
}

TEST_CASE("op table: a planted wrong derivative is caught in every family") {
  std::set<std::string> families, caught;
  for_every_op(3, [&](const OpRow& row, const Case& c, HostRandom& random) {
    families.insert(row.family);
    Case wrong = c;
    wrong.fn = [fn = c.fn](const std::vector<Tensor>& inputs) {
      return apply1(std::make_shared<const WrongDerivative>(), {fn(inputs)});
    };
    if (!gradcheck(wrong, random).empty()) caught.insert(row.family);
  });
  CHECK(families.size() >= 9);
  CHECK(caught == families);
}

TEST_CASE("op table: float32 agrees with float64") {
  for_every_op(4, [](const OpRow&, const Case& c, HostRandom&) {
    const std::vector<Tensor> inputs = converted(c.inputs, DType::float32);
    const Tensor y = c.fn(inputs);
    CHECK(y.dtype() == DType::float32);
    CHECK(normalized_error(y, c.fn(converted(inputs, DType::float64))) <= 1e-10);
  });
}

TEST_CASE("op table: fused ops agree with their reference") {
  int compared = 0;
  for_every_op(5, [&](const OpRow& row, const Case& c, HostRandom&) {
    if (!row.reference) return;
    ++compared;
    CHECK(normalized_error(c.fn(c.inputs), row.reference(c.inputs)) <= 1e-24);
    std::vector<Tensor> fused_inputs, inputs;
    for (const Tensor& input : c.inputs) fused_inputs.push_back(input.detach());
    for (const Tensor& input : c.inputs) inputs.push_back(input.detach());
    const auto fused = grad(sum(square(c.fn(fused_inputs))), fused_inputs);
    const auto reference = grad(sum(square(row.reference(inputs))), inputs);
    for (size_t i = 0; i < inputs.size(); ++i) {
      CHECK(normalized_error(or_zeros(fused[i], inputs[i]), or_zeros(reference[i], inputs[i])) <= 1e-18);
    }
  });
  CHECK(compared >= 6 * shapes_per_op);
}

TEST_CASE("op table: the bits do not depend on the number of threads") {
  const int before = threads();
  for_every_op(6, [](const OpRow&, const Case& c, HostRandom&) {
    const std::vector<Tensor> inputs = converted(c.inputs, DType::float32);
    set_threads(1);
    const Tensor one = c.fn(inputs);
    set_threads(3);
    CHECK(same_bits(one, c.fn(inputs)));
  });
  set_threads(before);
}
