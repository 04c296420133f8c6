// Op: what a node of the graph does. Ops are pure and immutable; their attributes are members. `apply` (apply.h) is the
// only way to run one.
#pragma once

#include "engine/error.h"
#include "engine/tensor.h"
#include "kernels/activation.h"

#include <memory>
#include <optional>
#include <span>
#include <typeindex>
#include <typeinfo>
#include <vector>

namespace kantor {

struct Target;
class AnyFunction;

/// Shape and element type of an output, before it has memory.
struct TensorSpec {
  Shape shape;
  DType dtype = DType::float32;
};

/// Throws DTypeError if a spec is not floating, or if its type differs from the first.
void require_floating(std::span<const TensorSpec> specs);

/// How an op treats the rows (the first axis) of its split inputs; the others are the same for all rows.
struct Rows {
  enum class Use : uint8_t {
    mixed,   // nothing is known
    each,    // a row of the outputs comes from that row of the split inputs alone
    summed,  // the output is a sum over the rows of the split inputs
  };
  Use use = Use::mixed;
  std::vector<bool> split = {};
};
/// Of an op whose first of `inputs` inputs is split, row by row.
inline Rows first_by_row(size_t inputs) {
  Rows rows{Rows::Use::each, std::vector<bool>(inputs)};
  if (inputs > 0) rows.split[0] = true;
  return rows;
}

/// The arguments of a forward: views of the inputs, and of the outputs that it writes.
using Inputs = std::span<const View>;
using Outputs = std::span<const View>;

/// The arguments of a derivative: the node's inputs and outputs, d loss / d output for each output (undefined: zero),
/// and which inputs need a gradient.
struct VjpContext {
  std::span<const Tensor> inputs;
  std::span<const Tensor> outputs;
  std::span<const Tensor> grads;
  std::vector<bool> wanted;
};

/// What a node does. A class of ops derives from OpOf or FloatingOp, below.
class Op {
 public:
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;
  virtual ~Op() = default;

  [[nodiscard]] virtual const char* name() const = 0;
  /// Shapes and types of the outputs. Throws ShapeError or DTypeError; `apply` puts the op's name and inputs in front.
  [[nodiscard]] virtual std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const = 0;
  /// The forward on the CPU, which is the reference in tests. Writes every element of every output.
  virtual void cpu(Inputs inputs, Outputs outputs) const = 0;
  /// The forward on `cuda` and `sim`, through the launchers of kernels/. The default throws DeviceError.
  virtual void device(const Target& target, Inputs inputs, Outputs outputs) const;
  /// A view op gives the output's value, which shares the input's storage, and then has no forward.
  [[nodiscard]] virtual std::optional<Value> alias(std::span<const Tensor>) const { return std::nullopt; }
  /// d loss / d input for each wanted input, written in differentiable ops; undefined means zero. The default is the
  /// derivative of `reference`.
  [[nodiscard]] virtual std::vector<Tensor> vjp(const VjpContext& context) const;
  /// The same function in ordinary ops, for a fused op whose derivative is that of its parts.
  [[nodiscard]] virtual std::vector<Tensor> reference(std::span<const Tensor> inputs) const;

  // What the rewrites of a recording may use (recording/rewrite.h). The defaults forbid every rewrite.
  /// Whether a forward also reads what it overwrites.
  [[nodiscard]] virtual bool reads_outputs() const { return false; }
  /// Whether the forward only moves its one input's bytes to its output.
  [[nodiscard]] virtual bool is_copy() const { return false; }
  /// How many first axes the op sums over, if that is all that it does; else 0.
  [[nodiscard]] virtual int leading_axes_summed() const { return 0; }
  /// Whether the output is the inputs' rows, one input behind the other.
  [[nodiscard]] virtual bool stacks_rows() const { return false; }
  /// The function that is applied to the elements of one input, or of two: one that a pointwise program can take.
  [[nodiscard]] virtual const AnyFunction* pointwise() const { return nullptr; }
  /// Whether element i of the output comes from element i of every input that has its shape, and may replace it.
  [[nodiscard]] virtual bool elementwise() const { return false; }
  [[nodiscard]] virtual Rows rows(std::span<const TensorSpec> /*inputs*/) const { return {}; }
  /// Of input 0 times f' where input 1 is f's output: that f.
  [[nodiscard]] virtual std::optional<Activation> derivative_of() const { return std::nullopt; }
  /// This op with its result times f', one input more: the output of f. Null where it has an epilogue already.
  [[nodiscard]] virtual std::shared_ptr<const Op> times_derivative(Activation /*of*/) const { return nullptr; }
  /// Whether `other` computes the same from the same inputs. A class says so by `auto attributes() const`, all of its
  /// members in a tuple.
  [[nodiscard]] virtual bool same_as(const Op& other) const { return this == &other; }

 private:
  template <class Self>
  friend class OpOf;
  explicit Op(bool /*registered*/) {}
};

/// The types of all ops in this program. The tests check that each has a row in their table.
const std::vector<std::type_index>& op_types();
bool register_op_type(std::type_index type);

/// The base of every class of ops: `class Exp final : public OpOf<Exp>`. It enters the class into `op_types` before
/// main begins; every op must derive from it.
template <class Self>
class OpOf : public Op {
 public:
  [[nodiscard]] bool same_as(const Op& other) const override {
    if constexpr (requires(const Self& self) { self.attributes(); }) {
      const auto* const same = dynamic_cast<const Self*>(&other);
      return same != nullptr && same->attributes() == static_cast<const Self&>(*this).attributes();
    } else {
      return this == &other;
    }
  }

 protected:
  OpOf() : Op(registered) {}

 private:
  static inline const bool registered = register_op_type(typeid(Self));
};

/// The base of an op whose forwards are templates over the element type of its first output, float or double:
/// `template <class T> void forward(Inputs, Outputs) const` on the CPU, and on devices that run kernels
/// `template <class T> void launch(const Target&, Inputs, Outputs) const`.
template <class Self>
class FloatingOp : public OpOf<Self> {
 public:
  void cpu(Inputs inputs, Outputs outputs) const final {
    visit_floating(outputs[0].dtype, [&](auto zero) { self().template forward<decltype(zero)>(inputs, outputs); });
  }
  void device(const Target& target, Inputs inputs, Outputs outputs) const final {
    visit_floating(outputs[0].dtype,
                   [&](auto zero) { self().template launch<decltype(zero)>(target, inputs, outputs); });
  }

 private:
  [[nodiscard]] const Self& self() const { return static_cast<const Self&>(*this); }
};

}  // namespace kantor
