// Arithmetic: in which numbers a product of float32 matrices multiplies. Sums are float32 in all of them.
#pragma once

#include <cstdint>

namespace kantor {

/// In which numbers products are made.
enum class Arithmetic : uint8_t {
  float32,     // fused multiply-adds of float32
  three_tf32,  // float32 by tensor cores: each operand as the sum of two TF32 numbers, three products of the four
  tf32,        // operands rounded to TF32: 8 bits of exponent, 10 of mantissa
  bf16         // operands rounded to bfloat16: 8 bits of exponent, 7 of mantissa
};

}  // namespace kantor
