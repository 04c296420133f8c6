// An update rule that is chosen at run time, with the numbers of one update, in shared memory. For kernel files.
#pragma once

#include "kernels/backend.h"
#include "kernels/update_rules/update_rules.h"

#include <new>
#include <type_traits>

namespace kantor::KANTOR_BACKEND {

class AnyUpdate {
 public:
  /// One thread calls it; a barrier must follow.
  __device__ void set(int rule, const UpdateSettings& settings, const UpdateScalars& at) {
    rule_ = rule;
    int place = 0;
#define KANTOR_SET(R) \
  if (place++ == rule) new (memory_) update_rule::R::Update<float>(settings, at);
    KANTOR_UPDATE_RULES(KANTOR_SET)
#undef KANTOR_SET
  }

  /// The new weight; changes the state where the rule has one.
  __device__ float operator()(float w, float gradient, float* first, float* second) const {
    float unused = 0;
    float &m = first != nullptr ? *first : unused, &v = second != nullptr ? *second : unused;
    int place = 0;
#define KANTOR_CALL(R)                                                                            \
  static_assert(sizeof(update_rule::R::Update<float>) <= sizeof memory_ &&                        \
                std::is_trivially_copyable_v<update_rule::R::Update<float>>);                     \
  if (place++ == rule_) {                                                                         \
    return (*reinterpret_cast<const update_rule::R::Update<float>*>(memory_))(w, gradient, m, v); \
  }
    KANTOR_UPDATE_RULES(KANTOR_CALL)
#undef KANTOR_CALL
    return w;
  }

 private:
  alignas(8) unsigned char memory_[56];
  int rule_;
};

}  // namespace kantor::KANTOR_BACKEND
