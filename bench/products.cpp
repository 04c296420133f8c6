#include "bench/products.h"

#include "bench/harness.h"
#include "bench/product_shapes.h"
#include "engine/error.h"
#include "engine/grad_mode.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "engine/runtime.h"
#include "engine/target.h"
#include "engine/verification.h"
#include "kernels/cuda/cublas.h"
#include "kernels/cuda/cudnn.h"
#include "kernels/gemm.h"
#include "kernels/products/plan.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <optional>

namespace kantor {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

std::string name_of(Arithmetic arithmetic) {
  return arithmetic_names()[static_cast<size_t>(arithmetic)].first;
}

/// Microseconds of one run among many: the median over replays of a graph of several runs, by the device's clock. The
/// operands stay where the run before has left them.
double time_of(Device device, const std::function<void()>& run) {
  constexpr double seconds = 5e-4;  // of a graph
  const bool sim = device.kind == Device::Kind::sim;
  Runtime& r = runtime(device);
  const std::unique_ptr<DeviceClock> clock = r.make_clock();
  const auto timed = [&](const auto& work) {
    r.synchronize();
    clock->start();
    work();
    return clock->stop();
  };
  const double once = std::max(timed(run), 1e-7);
  const int runs = sim ? 1 : static_cast<int>(std::clamp(seconds / once, 1.0, 50.0));
  CaptureScope capture(r);
  for (int i = 0; i < runs; ++i) run();
  const std::unique_ptr<DeviceGraph> graph = capture.end();
  graph->launch();
  std::vector<double> times(sim ? 1 : 5);
  for (double& time : times) time = timed([&] { graph->launch(); }) / runs;
  return 1e6 * quantile(times, 0.5);
}

/// A product with its arrays on a device.
class Product {
 public:
  Product(const ProductShape& shape, Device device) : target_(target_of(device)), launchers_(tile_launchers(device)) {
    const auto [left, right, out] = elements_of(shape.call);
    const Tensor step = zeros({}, {DType::int64, device});
    left_ = normal({left}, 1, 0, step);
    right_ = normal({right}, 1, 1, step);
    out_ = empty({out}, {DType::float32, device});
    unwritten_ = full({out}, std::numeric_limits<double>::quiet_NaN(), {DType::float32, device});
    call_ = call_of(shape, left_, right_);
    const Tensor absolute_left = abs(left_), absolute_right = abs(right_);
    predecessor(call_of(shape, absolute_left, absolute_right));
    magnitude_ = out_.to_vector<float>();
    predecessor();
    expected_ = out_.to_vector<float>();
  }
  [[nodiscard]] std::optional<ProductSize> size() const {
    return std::visit([](const auto& call) { return size_of(call); }, call_);
  }

  void predecessor() const { predecessor(call_); }
  void tiles(const ProductPlan& plan, const SplitMemory& memory) const {
    if (const auto* c = std::get_if<GemmCall>(&call_)) return launchers_.gemm(*c, plan, memory);
    launchers_.conv2d(std::get<ConvCall>(call_), plan, memory);
  }
  /// By cuBLAS or cuDNN; false where this build or device has none.
  [[nodiscard]] bool library([[maybe_unused]] bool tf32) const {
    if (target_.backend != Backend::cuda) return false;
#ifdef KANTOR_HAS_CUDA
    if (const auto* c = std::get_if<GemmCall>(&call_)) {
      cuda::library_gemm(c->transpose_a, c->transpose_b, c->m, c->n, c->k, c->a, c->b, c->c, tf32, target_.stream);
      return true;
    }
#endif
#ifdef KANTOR_HAS_CUDNN
    if (const auto* c = std::get_if<ConvCall>(&call_)) {
      const Temporary workspace(
          target_, static_cast<int64_t>(cuda::library_conv2d_workspace(c->pass, c->shape, tf32, target_.stream)));
      cuda::library_conv2d(c->pass, c->shape, c->image, c->filter, c->output, workspace.as<void>(), tf32,
                           target_.stream);
      return true;
    }
#endif
    return false;
  }

  void forget_result() const {
    out_.copy_from(unwritten_);
  }
  /// NaN where an element of the result is.
  [[nodiscard]] double error() const {
    const std::vector<float> values = out_.to_vector<float>();
    double worst = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(values[i])) return values[i];
      const double difference = std::fabs(static_cast<double>(values[i]) - expected_[i]);
      if (difference > 0) worst = std::max(worst, difference / magnitude_[i]);
    }
    return worst;
  }

 private:
  [[nodiscard]] ProductCall call_of(const ProductShape& shape, const Tensor& left, const Tensor& right) const {
    return with_arrays(shape.call, left.view().as<float>(), right.view().as<float>(), out_.view().as<float>());
  }
  void predecessor(const ProductCall& call) const {
    if (const auto* c = std::get_if<GemmCall>(&call)) {
      KANTOR_ON(target_.backend,
                gemm(c->transpose_a, c->transpose_b, c->m, c->n, c->k, c->a, c->b, c->epilogue, c->c, target_.stream));
      return;
    }
    const auto& c = std::get<ConvCall>(call);
    const Temporary partial(target_, weight_grad_workspace(c.shape) * static_cast<int64_t>(sizeof(float)));
    switch (c.pass) {
      case ConvPass::forward:
        KANTOR_ON(target_.backend, conv2d(c.shape, c.image, c.filter, c.epilogue, c.output, target_.stream));
        return;
      case ConvPass::input_grad:
        KANTOR_ON(target_.backend, conv2d_input_grad(c.shape, c.output, c.filter, c.epilogue, c.image, target_.stream));
        return;
      case ConvPass::weight_grad:
        KANTOR_ON(target_.backend,
                  conv2d_weight_grad(c.shape, c.image, c.output, c.filter, partial.as<float>(), target_.stream));
        return;
    }
  }

  Target target_;
  TileLaunchers launchers_;
  Tensor left_, right_, out_, unwritten_;
  ProductCall call_;
  std::vector<float> expected_, magnitude_;
};

bool same_kernel(const ProductPlan& a, const ProductPlan& b) {
  return a.arithmetic == b.arithmetic && a.tiling == b.tiling && a.splits == b.splits &&
         a.second_launch == b.second_launch;
}

/// All that is timed of one product.
class Runs {
 public:
  Runs(const ProductShape& shape, const ProductsOptions& options)
      : shape_(shape),
        options_(options),
        product_(shape, options.device),
        processor_(runtime(options.device).processor()) {
    predecessor_ = time_of(options.device, [&] { product_.predecessor(); });
    tell(line("predecessor", "float32", predecessor_));
  }

  /// Times plans until `seconds` are over, the most promising first and the chosen one in any case.
  json of(Arithmetic arithmetic, double seconds) {
    const bool tf32 = arithmetic == Arithmetic::tf32 || arithmetic == Arithmetic::bf16;
    json row{{"op", shape_.op},          {"shape", shape_.text}, {"arithmetic", name_of(arithmetic)},
             {"chosen", nullptr},        {"best", nullptr},      {"predecessor", predecessor_},
             {"library", library(tf32)}, {"timed", 0},           {"plans", 0}};
    const std::optional<ProductSize> size = product_.size();
    if (!size) return row;  // the predecessor makes it
    std::vector<ProductPlan> plans;
    each_candidate(*size, arithmetic, processor_.warpgroups, [&](const ProductPlan& plan) { plans.push_back(plan); });
    const auto time = [&](const ProductPlan& plan) { return predicted_time(*size, plan, processor_.multiprocessors); };
    std::stable_sort(plans.begin(), plans.end(), [&](const auto& a, const auto& b) { return time(a) < time(b); });
    row["plans"] = plans.size();
    if (options_.best) plans.resize(1);
    const auto start = Clock::now();
    int timed = 0;
    for (const ProductPlan& plan : plans) {
      if (timed > 0 && std::chrono::duration<double>(Clock::now() - start).count() > seconds) break;
      const json& found = of(plan, *size, time(plan));
      if (timed++ == 0) row["chosen"] = found;
      if (row["best"].is_null() || found["microseconds"] < row["best"]["microseconds"]) row["best"] = found;
    }
    row["timed"] = timed;
    return row;
  }

 private:
  const json& of(const ProductPlan& plan, const ProductSize& size, double predicted) {
    for (const auto& [known, found] : tiles_) {
      if (same_kernel(known, plan)) return found;
    }
    const Temporary workspace(target_of(options_.device), plan.workspace * static_cast<int64_t>(sizeof(float)));
    const SplitMemory memory{workspace.as<float>(), processor_.arrived};
    product_.forget_result();
    product_.tiles(plan, memory);
    const double error = product_.error();
    const double time = time_of(options_.device, [&] { product_.tiles(plan, memory); });
    const Tiling tiling = tiling_of(plan.arithmetic, plan.tiling);
    json found = line("tiles", name_of(plan.arithmetic), time);
    found.update({{"m", size.m},
                  {"n", size.n},
                  {"k", size.k},
                  {"parts", size.parts},
                  {"out", size.out},
                  {"tiling", plan.tiling},
                  {"tile", {tiling.rows, tiling.columns, tiling.depth}},
                  {"warpgroups", tiling.warpgroups},
                  {"blocks", tiling.blocks},
                  {"splits", plan.splits},
                  {"second_launch", plan.second_launch},
                  {"predicted", predicted},
                  {"error", error}});
    tell(found);
    return tiles_.emplace_back(plan, std::move(found)).second;
  }

  /// Microseconds of NVIDIA's library, or null where it is not there.
  json library(bool tf32) {
    if (known_libraries_[tf32 ? 1 : 0]) return *known_libraries_[tf32 ? 1 : 0];
    json& known = known_libraries_[tf32 ? 1 : 0].emplace();
    try {
      if (!product_.library(tf32)) return known;
      known = time_of(options_.device, [&] { (void)product_.library(tf32); });
      tell(line(shape_.op == "gemm" ? "cuBLAS" : "cuDNN", tf32 ? "tf32" : "float32", known));
    } catch (const DeviceError& error) {  // it cannot be loaded, or has no kernel for this
      fmt::print(stderr, "{} {}: {}\n", shape_.op, shape_.text, error.what());
    }
    return known;
  }

  [[nodiscard]] json line(const char* kernel, const std::string& arithmetic, double microseconds) const {
    return {{"op", shape_.op},
            {"shape", shape_.text},
            {"kernel", kernel},
            {"arithmetic", arithmetic},
            {"microseconds", microseconds},
            {"tflops", 1e-6 * static_cast<double>(flops_of(shape_.call)) / microseconds}};
  }
  void tell(const json& line) const {
    if (options_.on_line) options_.on_line(line);
  }

  const ProductShape& shape_;
  const ProductsOptions& options_;
  Product product_;
  Processor processor_;
  double predecessor_ = 0;
  std::optional<json> known_libraries_[2];  // of float32 and TF32
  std::vector<std::pair<ProductPlan, json>> tiles_;
};

std::string plan_text(const json& line) {
  if (line.is_null()) return "-";
  const json& tile = line["tile"];
  const int splits = line["splits"];
  return fmt::format("{}x{}{}{}", tile[0].get<int>(), tile[1].get<int>(),
                     line["arithmetic"] == "float32" ? " fma"
                     : line["warpgroups"]            ? " wgmma"
                                                     : " mma",
                     splits == 1 ? "" : fmt::format(" / {}{}", splits, line["second_launch"] ? "+" : ""));
}

}  // namespace

const std::vector<std::pair<std::string, Arithmetic>>& arithmetic_names() {
  static const std::vector<std::pair<std::string, Arithmetic>> names{{"float32", Arithmetic::float32},
                                                                     {"three_tf32", Arithmetic::three_tf32},
                                                                     {"tf32", Arithmetic::tf32},
                                                                     {"bf16", Arithmetic::bf16}};
  return names;
}

std::vector<json> bench_products(const ProductsOptions& options) {
  if (options.device.kind == Device::Kind::cpu) {
    throw DeviceError("the CPU has no plans of products: time them on `cuda`, or on `sim`, whose times are its own");
  }
  const NoGrad no_grad;
  std::vector<ProductShape> shapes;
  for (const std::string& text : options.shapes) {
    for (ProductShape& shape : parse_product(text)) shapes.push_back(std::move(shape));
  }
  const Processor processor = runtime(options.device).processor();
  std::vector<Arithmetic> arithmetics = options.arithmetics;
  if (!processor.tensor_cores) std::erase_if(arithmetics, [](Arithmetic a) { return a != Arithmetic::float32; });
  if (options.on_line) {
    json context = bench_context(options.device);
    context.update({{"multiprocessors", processor.multiprocessors}, {"caches", "warm"}});
    options.on_line(context);
  }
  const auto start = Clock::now();
  const auto left = [&] { return options.seconds - std::chrono::duration<double>(Clock::now() - start).count(); };
  std::vector<json> rows;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const double after = left() * static_cast<double>(shapes.size() - i - 1) / static_cast<double>(shapes.size() - i);
    Runs runs(shapes[i], options);
    for (size_t j = 0; j < arithmetics.size(); ++j) {
      rows.push_back(runs.of(arithmetics[j], (left() - after) / static_cast<double>(arithmetics.size() - j)));
    }
  }
  return rows;
}

std::string products_table(const std::vector<json>& rows) {
  std::string table =
      "op           shape                         arithmetic  chosen              us    best                us  "
      "chosen/best  /predecessor  /library  timed\n";
  for (const json& row : rows) {
    const auto time = [&](const char* key) -> std::optional<double> {
      const json& value = row[key].is_object() ? row[key]["microseconds"] : row[key];
      return value.is_null() ? std::nullopt : std::optional(value.get<double>());
    };
    const auto text = [&](const char* key) { return time(key) ? fmt::format("{:.1f}", *time(key)) : "-"; };
    const auto ratio = [&](const char* key) {
      return time("chosen") && time(key) ? fmt::format("{:.2f}", *time("chosen") / *time(key)) : "-";
    };
    table +=
        fmt::format("{:<12} {:<29} {:<11} {:<15} {:>7}  {:<15} {:>7}  {:>11}  {:>12}  {:>8}  {} of {}\n",
                    row["op"].get<std::string>(), row["shape"].get<std::string>(), row["arithmetic"].get<std::string>(),
                    plan_text(row["chosen"]), text("chosen"), plan_text(row["best"]), text("best"), ratio("best"),
                    ratio("predecessor"), ratio("library"), row["timed"].get<int>(), row["plans"].get<int>());
  }
  return table;
}

}  // namespace kantor
