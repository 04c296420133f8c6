// Sums over rows that do not depend on each other, such as the bias gradients of all layers, are one launch. On the
// CPU, where a launch costs nothing, they stay where their operands are still in cache.
#include "engine/ops/column_sums.h"
#include "engine/recording/rewrite.h"
#include "engine/recording/rewrites/order.h"

#include <algorithm>
#include <optional>

namespace kantor {
namespace {

/// A call as sums over rows; none for calls of other ops.
std::optional<ColumnSums> sums_of(const RecordedCall& call) {
  if (const ColumnSums* sums = column_sums_of(*call.op)) return *sums;
  const int axes = call.op->leading_axes_summed();
  if (axes == 0 || call.inputs[0].spec.shape.size() == 0) return std::nullopt;
  ColumnSums one;
  one.count = 1;
  one.inner[0] = call.inputs[0].spec.shape.size_from(axes);
  one.n[0] = call.inputs[0].spec.shape.size() / one.inner[0];
  return one;
}

/// Both calls as one, or none where there is no room or their types differ.
std::optional<RecordedCall> both(const RecordedCall& a, const ColumnSums& of_a, const RecordedCall& b,
                                 const ColumnSums& of_b) {
  if (of_a.count + of_b.count > ColumnSums::most || a.inputs[0].spec.dtype != b.inputs[0].spec.dtype)
    return std::nullopt;
  ColumnSums sums = of_a;
  for (int k = 0; k < of_b.count; ++k) {
    sums.n[sums.count] = of_b.n[k];
    sums.inner[sums.count++] = of_b.inner[k];
  }
  RecordedCall call{column_sums_op(sums), a.inputs, a.outputs};
  call.inputs.insert(call.inputs.end(), b.inputs.begin(), b.inputs.end());
  call.outputs.insert(call.outputs.end(), b.outputs.begin(), b.outputs.end());
  return call;
}

}  // namespace

void group_sums(Recording& recording) {
  if (recording.device.kind == Device::Kind::cpu) return;
  std::optional<size_t> group;
  for (size_t j = 0; j < recording.calls.size(); ++j) {
    const std::optional<ColumnSums> later = sums_of(recording.calls[j]);
    if (!later) continue;
    if (group) {
      const size_t i = *group;
      const auto after = calls_after(recording, i, j, true);
      auto call =
          after ? both(recording.calls[i], *sums_of(recording.calls[i]), recording.calls[j], *later) : std::nullopt;
      if (call) {
        group = j = replace_both(recording.calls, i, j, *after, std::move(*call));
        continue;
      }
    }
    group = j;
  }
}

}  // namespace kantor
