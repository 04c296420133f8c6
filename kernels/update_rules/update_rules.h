// Every update rule of an optimizer. A rule is one file of this folder and a line of the list: its name, the arrays
// that it keeps for each weight (at most two, which start at zero), and the update of one weight, which kernels, the
// simulator and the CPU compile alike.
#pragma once

#include "kernels/update_rules/adam.h"
#include "kernels/update_rules/adamw.h"
#include "kernels/update_rules/rmsprop.h"
#include "kernels/update_rules/sgd.h"

#define KANTOR_UPDATE_RULES(X) X(Sgd) X(RmsProp) X(Adam) X(AdamW)

namespace kantor {

/// A rule as the engine sees it; its place in `update_rules` stands for it in calls of launchers.
struct UpdateRule {
  const char* name;
  int states;
  const char* const* state_names;
};

inline constexpr UpdateRule update_rules[] = {
#define KANTOR_RULE_ROW(R) {update_rule::R::name, update_rule::R::states, update_rule::R::state_names},
    KANTOR_UPDATE_RULES(KANTOR_RULE_ROW)
#undef KANTOR_RULE_ROW
};

/// Calls use(R{}) with the rule at this place of `update_rules`.
template <class Use>
void with_update_rule(int place, const Use& use) {
  int at = 0;
#define KANTOR_TRY_RULE(R) \
  if (at++ == place) return use(update_rule::R{});
  KANTOR_UPDATE_RULES(KANTOR_TRY_RULE)
#undef KANTOR_TRY_RULE
}

}  // namespace kantor
