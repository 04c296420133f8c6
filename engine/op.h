// Op: what a node of the graph does. Ops are pure and immutable; their attributes are members. Every op goes through
// `apply`, where shape and device checks, the recorder, the profiler and the NaN check hang, and nowhere else.
#pragma once

#include "engine/error.h"
#include "engine/tensor.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <typeindex>
#include <typeinfo>
#include <vector>

namespace kantor {

/// Shape and element type of an output, before it has memory.
struct Spec {
  Shape shape;
  DType dtype = DType::float32;
};

/// Throws DTypeError where a spec is not floating, or of another type than the first.
void require_floating(std::span<const Spec> specs);

using Inputs = std::span<const View>;
using Outputs = std::span<const View>;

/// What a derivative is asked: the node's inputs and outputs, d loss / d output for each output (undefined: zero), and
/// which inputs want a gradient.
struct VjpContext {
  std::span<const Tensor> inputs;
  std::span<const Tensor> outputs;
  std::span<const Tensor> grads;
  std::vector<bool> wanted;
};

/// What a node does. A class of ops derives from OpOf, below.
class Op {
 public:
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;
  virtual ~Op() = default;

  [[nodiscard]] virtual const char* name() const = 0;
  /// Shapes and types of the outputs. Throws ShapeError or DTypeError; `apply` puts the op's name and inputs in front.
  [[nodiscard]] virtual std::vector<Spec> infer(std::span<const Spec> inputs) const = 0;
  /// The Eigen forward, which is the reference in tests. Writes every element of every output.
  virtual void cpu(Inputs inputs, Outputs outputs) const = 0;
  /// The forward on `cuda` and `sim`, through the launchers of kernels/. The default throws DeviceError.
  virtual void device(Device device, Inputs inputs, Outputs outputs) const;
  /// A view op gives the output's value, which shares the input's storage, and then has no launch.
  [[nodiscard]] virtual std::optional<Value> alias(std::span<const Tensor>) const { return std::nullopt; }
  /// d loss / d input for each wanted input, written in differentiable ops; undefined means zero. The default is the
  /// derivative of `reference`.
  [[nodiscard]] virtual std::vector<Tensor> vjp(const VjpContext& context) const;
  /// The same function in ordinary ops, for a fused op whose derivative is that of its parts.
  [[nodiscard]] virtual std::vector<Tensor> reference(std::span<const Tensor> inputs) const;

 private:
  template <class Self>
  friend class OpOf;
  explicit Op(bool /*registered*/) {}
};

/// The types of all ops that this program holds: the tests ask each for its row in their table.
const std::vector<std::type_index>& op_types();
bool register_op_type(std::type_index type);

/// The base of every class of ops: `class Exp final : public OpOf<Exp>`. It enters the class into `op_types` before
/// main begins; nothing can derive from Op past it.
template <class Self>
class OpOf : public Op {
 protected:
  OpOf() : Op(registered) {}

 private:
  static inline const bool registered = register_op_type(typeid(Self));
};

/// One application: op (null for a leaf), its inputs, its outputs' values, and the versions that the storages of inputs
/// and then of outputs had.
struct Node : std::enable_shared_from_this<Node> {
  std::shared_ptr<const Op> op;
  std::vector<Tensor> inputs;
  std::vector<uint64_t> versions;
  std::vector<Value> outputs;
  ~Node();  // frees long chains without recursion and without memory
};

/// Applies `op` and records it where recording is on.
std::vector<Tensor> apply(std::shared_ptr<const Op> op, std::vector<Tensor> inputs);
/// The first output of `apply`.
Tensor apply1(std::shared_ptr<const Op> op, std::vector<Tensor> inputs);

/// An in-place launch: runs `op` on the inputs and writes the given targets, bumping their versions. For optimizers,
/// counters and `copy_from`; nothing is recorded in the graph.
void apply_in_place(std::shared_ptr<const Op> op, const std::vector<Tensor>& inputs,
                    const std::vector<Tensor>& targets);

/// Whether `apply` keeps the graph. On at the start of every thread.
bool recording();
/// While it lives, recording is as given.
class RecordingScope {
 public:
  explicit RecordingScope(bool on);
  ~RecordingScope();
  RecordingScope(const RecordingScope&) = delete;
  RecordingScope& operator=(const RecordingScope&) = delete;

 private:
  bool previous_;
};

/// While it lives, every output of every op is checked, on every device, in replays too: the first NaN or infinity
/// throws NonFiniteError with the op. A device waits for each op and copies its outputs to the host.
class NanCheckScope {
 public:
  NanCheckScope();
  ~NanCheckScope();
  NanCheckScope(const NanCheckScope&) = delete;
  NanCheckScope& operator=(const NanCheckScope&) = delete;

 private:
  bool previous_;
};

/// Time and launches per op name while the scope lives, in replays too. The time is the device's own for the op's work,
/// which is waited for.
struct OpProfile {
  std::string op;
  int64_t launches = 0;
  double seconds = 0;
};
class ProfileScope {
 public:
  ProfileScope();
  ~ProfileScope();
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;
  /// Sorted by time, longest first.
  [[nodiscard]] std::vector<OpProfile> rows() const;
};

}  // namespace kantor
