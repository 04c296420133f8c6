// Arena: one buffer that holds all tensors of a kind (a network's parameters, their gradients, an optimizer's state),
// with one row per tensor. One launch then updates them all.
#pragma once

#include "engine/tensor.h"

#include <string>
#include <vector>

namespace kantor {

/// A tensor's place in the buffer: its offset in elements.
struct ArenaRow {
  std::string name;
  Shape shape;
  int64_t offset = 0;
};

/// The parameters of a network, their gradients or an optimizer's state in one buffer, with one row for each tensor.
class Arena {
 public:
  Arena() = default;
  /// Zero-filled; rows start at multiples of 16 elements, the gaps stay zero.
  Arena(const std::vector<std::pair<std::string, Shape>>& tensors, TensorOptions options);

  [[nodiscard]] const std::vector<ArenaRow>& rows() const { return rows_; }
  /// Leaves that share the arena's memory, in row order.
  [[nodiscard]] const std::vector<Tensor>& tensors() const { return tensors_; }
  /// The whole buffer, [elements].
  [[nodiscard]] const Tensor& flat() const { return flat_; }
  /// Elements of all tensors, without the gaps.
  [[nodiscard]] int64_t parameter_count() const;
  /// Index of a row, or -1.
  [[nodiscard]] int find(const std::string& name) const;
  /// A zero-filled arena with the same rows.
  [[nodiscard]] Arena like() const;

 private:
  std::vector<ArenaRow> rows_;
  std::vector<Tensor> tensors_;
  Tensor flat_;
};

}  // namespace kantor
