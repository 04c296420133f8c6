#include "engine/ops/column_sums.h"

#include "engine/cpu/reduce.h"
#include "engine/target.h"

namespace kantor {
namespace {

class ColumnSumsOp final : public FloatingOp<ColumnSumsOp> {
 public:
  explicit ColumnSumsOp(const ColumnSums& sums) : sums_(sums) {}
  [[nodiscard]] const char* name() const override { return "column_sums"; }
  [[nodiscard]] const ColumnSums& sums() const { return sums_; }
  [[nodiscard]] std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    std::vector<TensorSpec> outputs;
    for (size_t k = 0; k < inputs.size(); ++k) outputs.push_back({Shape{sums_.inner[k]}, inputs[k].dtype});
    return outputs;
  }
  template <class T>
  void forward(Inputs inputs, Outputs outputs) const {
    for (size_t k = 0; k < inputs.size(); ++k) {
      cpu::sum_middle(inputs[k].as<T>(), outputs[k].as<T>(), 1, sums_.n[k], sums_.inner[k]);
    }
  }
  template <class T>
  void launch(const Target& target, Inputs inputs, Outputs outputs) const {
    ColumnSumArrays<T> arrays;
    int64_t partial = 0;
    for (size_t k = 0; k < inputs.size(); ++k) {
      arrays.x[k] = inputs[k].as<T>();
      arrays.y[k] = outputs[k].as<T>();
      partial += sums_.workspace(static_cast<int>(k));
    }
    const Temporary workspace(target, partial * static_cast<int64_t>(sizeof(double)));
    KANTOR_ON(target.backend, column_sums(sums_, arrays, workspace.as<double>(), target.stream));
  }

 private:
  ColumnSums sums_;
};

}  // namespace

std::shared_ptr<const Op> column_sums_op(const ColumnSums& sums) {
  return std::make_shared<const ColumnSumsOp>(sums);
}

const ColumnSums* column_sums_of(const Op& op) {
  const auto* found = dynamic_cast<const ColumnSumsOp*>(&op);
  return found == nullptr ? nullptr : &found->sums();
}

}  // namespace kantor
