// Rows that lie one behind the other, so that one call can take both. Internal to the rewrites.
#pragma once

#include "engine/recording/recording.h"

namespace kantor {

/// Whether `second` begins where `first` ends.
bool adjacent(const Operand& first, const Operand& second);
/// Whether the buffers of two operands could become one in which `second` follows `first`: both temporaries, or both
/// constants, `first` at the end of its buffer and `second` at the beginning of another.
bool joinable(const Operand& first, const Operand& second);
/// A buffer in which two joinable operands' buffers have room, one behind the other. Constants are copied into it.
std::shared_ptr<Buffer> buffer_of_both(const Operand& first, const Operand& second, Device device);
/// `first` and `second`, which are adjacent, as one operand.
Operand rows_of_both(const Operand& first, const Operand& second);

}  // namespace kantor
