#include "tests/sim/traffic_cases.h"

#include "bench/product_shapes.h"
#include "kernels/batch_norm.h"
#include "kernels/clip_update.h"
#include "kernels/conv2d.h"
#include "kernels/copy.h"
#include "kernels/gemm.h"
#include "kernels/gradient_penalty.h"
#include "kernels/group_sort.h"
#include "kernels/layer_norm.h"
#include "kernels/philox.h"
#include "kernels/pointwise.h"
#include "kernels/products/plan.h"
#include "kernels/reduce.h"
#include "kernels/sim/simulator.h"
#include "kernels/update_rules/update_rules.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace kantor::testing {
namespace {

using sim::traffic::Kind;
using sim::traffic::Row;
using sim::traffic::Space;

constexpr int multiprocessors = 132;  // of an H100, for which products are planned
constexpr int64_t sector = 32;

/// Numbers in the simulator's memory.
template <class T>
class ArrayOf {
 public:
  explicit ArrayOf(const std::vector<T>& values)
      : data_(static_cast<T*>(sim::device_malloc(values.size() * sizeof(T)))) {
    if (data_ == nullptr) throw KernelError("no memory for the arrays");
    sim::copy_in(data_, values.data(), values.size() * sizeof(T));
  }
  ~ArrayOf() { sim::device_free(data_); }
  ArrayOf(const ArrayOf&) = delete;
  ArrayOf& operator=(const ArrayOf&) = delete;
  [[nodiscard]] T* get() const { return data_; }

 private:
  T* data_;
};
using Array = ArrayOf<float>;

template <class T>
ArrayOf<T> zeros(int64_t size) {
  return ArrayOf<T>(std::vector<T>(static_cast<size_t>(size)));
}
Array ones(int64_t size) {
  return Array(std::vector<float>(static_cast<size_t>(size), 1.0F));
}

/// Adam or another rule, clip and statistics over tensors of `size` elements.
TrafficCase update(const std::string& rule, int64_t tensors, int64_t size) {
  int place = 0;
  while (update_rules[place].name != rule) ++place;
  const int states = update_rules[place].states;
  const int64_t elements = tensors * size;
  return {fmt::format("{} + clip, {} x {}", rule, tensors, size), (2 + states) * elements * 4,
          (1 + states) * elements * 4, elements <= 100'000, [=] {
            const int64_t length = update_piece(elements);
            std::vector<UpdatePiece> pieces;
            for (int64_t row = 0; row < tensors; ++row) {
              for (int64_t at = 0; at < size; at += length) {
                pieces.push_back({row, row * size + at, std::min(length, size - at)});
              }
            }
            const auto count = static_cast<int64_t>(pieces.size());
            const Array w = ones(elements), g = ones(elements), first = ones(elements), second = ones(elements);
            const ArrayOf<double> rate({1e-3}), bounds(std::vector<double>(static_cast<size_t>(tensors), 0.01));
            const auto statistics = zeros<double>(tensors * update_columns);
            const auto partial = zeros<double>(count * update_columns), powers = zeros<double>(3);
            const auto step = zeros<int64_t>(1), histograms = zeros<int64_t>(1);
            const auto arrived = zeros<unsigned long long>(1);
            const ArrayOf<UpdatePiece> of_pieces(pieces);
            const UpdateArrays<float> arrays{w.get(),
                                             g.get(),
                                             states > 0 ? first.get() : nullptr,
                                             states > 1 ? second.get() : nullptr,
                                             bounds.get(),
                                             statistics.get(),
                                             partial.get(),
                                             of_pieces.get(),
                                             count,
                                             tensors,
                                             {step.get(), powers.get(), arrived.get()}};
            sim::clip_update<float>(place, {0.9, 0.999, 0.99, 1e-8, 0}, rate.get(), histograms.get(), arrays, nullptr);
          }};
}

TrafficCase penalty(int64_t rows, int64_t width) {
  const int64_t size = rows * width;
  return {fmt::format("penalty, {} x {}", rows, width), size * 4, (size + rows) * 4, size <= 1 << 20, [=] {
            const Array g = ones(size), derivative = ones(size), norms = ones(rows), value = ones(1);
            const auto workspace = zeros<double>(gradient_penalty_workspace(rows, width, 4));
            sim::gradient_penalty<float>(PenaltyKind::two_sided, 10, g.get(), value.get(), derivative.get(),
                                         norms.get(), rows, width, workspace.get(), nullptr);
          }};
}

TrafficCase interpolation(int64_t rows, int64_t width) {
  const int64_t size = rows * width;
  return {
      fmt::format("interpolation, {} x {}", rows, width), 2 * size * 4, size * 4, true, [=] {
        const Array real = ones(size), fake = ones(size), out = ones(size);
        const auto step = zeros<int64_t>(1);
        sim::interpolate_drawn<float>(real.get(), fake.get(), {1, 2, step.get(), 0}, out.get(), rows, width, nullptr);
      }};
}

TrafficCase summed(const std::string& name, int64_t outer, int64_t n, int64_t inner) {
  return {name, outer * n * inner * 4, outer * inner * 4, outer * n * inner <= 1 << 20, [=] {
            const Array x = ones(outer * n * inner), y = ones(outer * inner);
            const auto workspace = zeros<double>(std::max<int64_t>(sum_workspace(outer, n, inner), 1));
            sim::sum_middle<float>(x.get(), y.get(), outer, n, inner, workspace.get(), nullptr);
          }};
}

TrafficCase transposed(int64_t rows, int64_t columns) {
  const int64_t size = rows * columns;
  return {fmt::format("transposition, {} x {}", rows, columns), size * 4, size * 4, true, [=] {
            const Array x = ones(size), y = ones(size);
            sim::strided_copy<float>(x.get(), y.get(), {2, {columns, rows}, {1, columns}, {rows, 1}}, size, nullptr);
          }};
}

TrafficCase normalized(bool grad, int64_t rows, int64_t channels) {
  const int64_t size = rows * channels;
  return {fmt::format("batch norm{}, {} x {}", grad ? "'s derivative" : "", rows, channels), (grad ? 2 : 1) * size * 4,
          size * 4, true, [=] {
            const Array x = ones(size), y = ones(size), dy = ones(size), gamma = ones(channels), beta = ones(channels),
                        mean = ones(channels), variance = ones(channels);
            const auto workspace = zeros<double>(batch_norm_workspace(rows, channels));
            if (grad) {
              sim::batch_norm_grad<float>(x.get(), gamma.get(), dy.get(), mean.get(), variance.get(), 1e-5, y.get(),
                                          gamma.get(), beta.get(), rows, channels, workspace.get(), nullptr);
            } else {
              sim::batch_norm<float>(x.get(), gamma.get(), beta.get(), 1e-5, y.get(), mean.get(), variance.get(), rows,
                                     channels, workspace.get(), nullptr);
            }
          }};
}

TrafficCase layer_normalized(int64_t rows, int64_t width) {
  const int64_t size = rows * width;
  return {fmt::format("layer norm, {} x {}", rows, width), size * 4, size * 4, true, [=] {
            const Array x = ones(size), y = ones(size), gamma = ones(width), beta = ones(width);
            sim::layer_norm<float>(x.get(), gamma.get(), beta.get(), 1e-5, y.get(), rows, width, nullptr);
          }};
}

/// The product's name, with what it moves at the least.
TrafficCase product(const ProductShape& shape, const std::string& how, std::function<void(const ProductCall&)> start) {
  const ProductElements e = elements_of(shape.call);
  const bool quick = flops_of(shape.call) < 20'000'000;
  return {fmt::format("{} {}, {}", shape.op, shape.text.substr(shape.text.find(':') + 1), how), (e.left + e.right) * 4,
          e.out * 4, quick, [call = shape.call, e, start = std::move(start)] {
            const Array left = ones(e.left), right = ones(e.right), out = ones(e.out);
            start(with_arrays(call, left.get(), right.get(), out.get()));
          }};
}

void start_planned(const ProductCall& call, const ProductPlan& plan) {
  const Array workspace = ones(std::max<int64_t>(plan.workspace, 1));
  const auto arrived = zeros<unsigned>(std::max<int64_t>(plan.counters, 1));
  const SplitMemory memory{workspace.get(), arrived.get()};
  if (const auto* gemm = std::get_if<GemmCall>(&call)) return sim::tile_gemm(*gemm, plan, memory, nullptr);
  sim::tile_conv2d(std::get<ConvCall>(call), plan, memory, nullptr);
}

void start_before(const ProductCall& call) {
  if (const auto* g = std::get_if<GemmCall>(&call)) {
    return sim::gemm<float>(g->transpose_a, g->transpose_b, g->m, g->n, g->k, g->a, g->b, g->epilogue, g->c, nullptr);
  }
  const auto& c = std::get<ConvCall>(call);
  const Array workspace = ones(std::max<int64_t>(weight_grad_workspace(c.shape), 1));
  switch (c.pass) {
    case ConvPass::forward:
      return sim::conv2d<float>(c.shape, c.image, c.filter, c.epilogue, c.output, nullptr);
    case ConvPass::input_grad:
      return sim::conv2d_input_grad<float>(c.shape, c.output, c.filter, c.epilogue, c.image, nullptr);
    case ConvPass::weight_grad:
      return sim::conv2d_weight_grad<float>(c.shape, c.image, c.output, c.filter, workspace.get(), nullptr);
  }
}

std::optional<ProductSize> planned_size(const ProductCall& call) {
  return std::visit([](const auto& c) { return size_of(c); }, call);
}

/// A kernel's name without what stands between its angle brackets.
std::string short_name(const std::string& kernel) {
  return kernel.substr(0, kernel.find('<'));
}

/// "1234 (1.25)": the transactions, and how many times the fewest.
std::string cell(Row row) {
  const auto& [taken, fewest] = row.transactions;
  if (taken == 0) return "-";
  return fmt::format("{} ({:.2f})", taken, static_cast<double>(taken) / static_cast<double>(fewest));
}

}  // namespace

std::vector<TrafficCase> pass_cases() {
  std::vector<TrafficCase> all{update("rmsprop", 1, 65536), update("adam", 1, 65536), update("adam", 64, 1000),
                               update("adam", 1, 1000000),  penalty(256, 2),          penalty(256, 784),
                               penalty(256, 3072),          penalty(16, 65536),       interpolation(256, 2),
                               interpolation(256, 784)};
  all.push_back(summed("sum of 1048576", 1, 1 << 20, 1));
  all.push_back(summed("column sums, 256 x 512", 1, 256, 512));
  all.push_back(summed("column sums, 12544 x 64", 1, 12544, 64));
  all.push_back(summed("row sums, 512 x 512", 512, 512, 1));
  const int64_t size = 256 * 512;
  all.push_back({"activation, 256 x 512", size * 4, size * 4, true, [=] {
                   const Array x = ones(size), y = ones(size);
                   sim::unary(function::Exp{}, x.get(), y.get(), size, nullptr);
                 }});
  all.push_back({"sum of two, 256 x 512", 2 * size * 4, size * 4, true, [=] {
                   const Array a = ones(size), b = ones(size), y = ones(size);
                   sim::binary(function::Add{}, a.get(), b.get(), y.get(), {1, {size}, {1}, {1}}, size, nullptr);
                 }});
  all.push_back(
      {"sum with a row, 256 x 512", (size + 512) * 4, size * 4, true, [=] {
         const Array a = ones(size), b = ones(512), y = ones(size);
         sim::binary(function::Add{}, a.get(), b.get(), y.get(), {2, {256, 512}, {512, 1}, {0, 1}}, size, nullptr);
       }});
  all.push_back(transposed(256, 512));
  all.push_back(normalized(false, 3136, 128));
  all.push_back(normalized(true, 3136, 128));
  all.push_back(layer_normalized(16, 25088));
  all.push_back(layer_normalized(256, 512));
  all.push_back({"maxmin, 256 x 512", size * 4, size * 4, true, [=] {
                   const Array x = ones(size), y = ones(size);
                   sim::maxmin<float>(x.get(), x.get(), y.get(), size / 2, nullptr);
                 }});
  all.push_back({"sort of groups of 8, 256 x 512", size * 4, size * 12, true, [=] {
                   const Array x = ones(size), y = ones(size);
                   const auto origin = zeros<int64_t>(size);
                   sim::sort_groups<float>(x.get(), y.get(), origin.get(), size, 8, nullptr);
                 }});
  all.push_back({"normal numbers, 256 x 512", 0, size * 4, true, [=] {
                   const Array y = ones(size);
                   const auto step = zeros<int64_t>(1);
                   sim::draw_normal<float>({1, 2, step.get(), 0}, y.get(), size, nullptr);
                 }});
  return all;
}

std::vector<TrafficCase> product_cases(const std::string& shape, const std::string& planned) {
  std::vector<TrafficCase> all;
  const std::vector<ProductShape> whole = parse_product(planned);
  for (const ProductShape& one : parse_product(shape)) {
    const auto same_op = [&](const ProductShape& other) { return other.op == one.op; };
    const auto size = planned_size(std::find_if(whole.begin(), whole.end(), same_op)->call);
    if (size.has_value()) {  // that of aligned arrays, as null is
      for (const auto& [arithmetic, name] :
           {std::pair(Arithmetic::float32, "float32"), std::pair(Arithmetic::three_tf32, "three TF32")}) {
        const ProductPlan plan = plan_product(*size, arithmetic, multiprocessors, false);
        if (plan.arithmetic != arithmetic) continue;  // float32 is the better plan
        all.push_back(product(one, name, [plan](const ProductCall& call) { start_planned(call, plan); }));
      }
    }
    all.push_back(product(one, size.has_value() ? "before" : "few channels", start_before));
  }
  return all;
}

std::vector<TrafficCase> page_cases() {
  std::vector<TrafficCase> all;
  for (const auto& [shape, planned] : {std::pair("gemm:192x512x512", "gemm:768x512x512"),
                                       std::pair("conv:8x28x28x1:64:5:2:2", "conv:64x28x28x1:64:5:2:2"),
                                       std::pair("conv:4x14x14x64:128:5:2:2", "conv:64x14x14x64:128:5:2:2"),
                                       std::pair("conv:4x7x7x128:256:5:2:2", "conv:64x7x7x128:256:5:2:2")}) {
    for (TrafficCase& one : product_cases(shape, planned)) all.push_back(std::move(one));
  }
  for (TrafficCase& one : pass_cases()) all.push_back(std::move(one));
  return all;
}

std::vector<Row> traffic_of(const TrafficCase& one) {
  sim::traffic::start();
  one.run();
  return sim::traffic::stop();
}

std::string table_head() {
  return "| case | arrays, in sectors | kernel | sectors read | sectors written | passes that read | passes that write "
         "|\n"
         "|---|---|---|---|---|---|---|\n";
}

std::string table_lines(const TrafficCase& one, const std::vector<Row>& rows) {
  std::vector<std::string> kernels;
  for (const Row& row : rows) {
    if (std::find(kernels.begin(), kernels.end(), row.kernel) == kernels.end()) kernels.push_back(row.kernel);
  }
  std::string lines;
  for (const std::string& kernel : kernels) {
    const auto of = [&](Space space, Kind kind) { return total(rows, kernel, space, kind); };
    Row writes = of(Space::shared, Kind::write);
    writes.transactions += of(Space::shared, Kind::atomic).transactions;
    lines += fmt::format("| {} | {} | `{}` | {} | {} | {} | {} |\n", one.name,
                         (one.bytes_read + sector - 1) / sector + (one.bytes_written + sector - 1) / sector,
                         short_name(kernel), cell(of(Space::global, Kind::read)), cell(of(Space::global, Kind::write)),
                         cell(of(Space::shared, Kind::read)), cell(writes));
  }
  return lines;
}

}  // namespace kantor::testing
