// AnyFunction: one of the functions of function.h, chosen while the program runs.
#pragma once

#include "kernels/function.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace kantor {

class AnyFunction {
 public:
  enum class Kind : uint8_t {
#define KANTOR_KIND(F) F,
    KANTOR_UNARY_FUNCTIONS(KANTOR_KIND) KANTOR_BINARY_FUNCTIONS(KANTOR_KIND)
#undef KANTOR_KIND
  };

  AnyFunction() = default;
#define KANTOR_FROM(F)                          \
  AnyFunction(function::F f) : kind_(Kind::F) { \
    keep(f);                                    \
  }  // NOLINT(google-explicit-constructor)
  KANTOR_UNARY_FUNCTIONS(KANTOR_FROM)
  KANTOR_BINARY_FUNCTIONS(KANTOR_FROM)
#undef KANTOR_FROM

  /// Whether it is this function, with whatever parameters.
  template <class F>
  [[nodiscard]] bool is() const {
    return AnyFunction(F{}).kind_ == kind_;
  }

  /// use(f) with the function itself, so that a loop inside `use` chooses once.
  template <class Use>
  KANTOR_FUNCTION void visit(const Use& use) const {
    switch (kind_) {
#define KANTOR_CASE(F) \
  case Kind::F:        \
    return use(kept<function::F>());
      KANTOR_UNARY_FUNCTIONS(KANTOR_CASE) KANTOR_BINARY_FUNCTIONS(KANTOR_CASE)
#undef KANTOR_CASE
    }
  }

 private:
  template <class F>
  void keep(const F& f) {
    static_assert(std::is_trivially_copyable_v<F> && sizeof(F) <= sizeof bytes_);
    if constexpr (!std::is_empty_v<F>) std::memcpy(bytes_, &f, sizeof f);
  }
  template <class F>
  KANTOR_FUNCTION F kept() const {
    F f{};
    if constexpr (!std::is_empty_v<F>) memcpy(&f, bytes_, sizeof f);
    return f;
  }

  Kind kind_ = Kind::ScaleShift;
  alignas(double) unsigned char bytes_[16] = {};
};

}  // namespace kantor
