// The critics that the study benchmark-w1 compares, and the pairs that it compares them on.
#pragma once

#include "models/data/funnel_pairs.h"
#include "models/studies/framework/study.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kantor::benchmark_w1 {

constexpr int64_t samples = 4096;  // of P and of Q, for measuring

/// A way of training on any pair. The arm's configuration is what sets it apart from the others.
struct Method {
  Arm arm;
  std::string published;  // what the published table calls it; empty: it is not there
  int64_t full_steps, quick_steps;

  [[nodiscard]] int64_t steps(const StudySettings& s) const { return s.pick<int64_t>(20, quick_steps, full_steps); }
  /// The arm that trains so on this pair, "<pair>-<method>".
  [[nodiscard]] std::string on(const FunnelPair& pair) const { return pair.name + "-" + arm.name; }
};

/// The study's own methods, and the further constraints, trained as the penalties are.
std::vector<Method> methods_of(const StudySettings& settings);

/// Throws Error naming a method that is not there.
const Method& find_method(const std::vector<Method>& methods, std::string_view name);

/// The pairs' sources, as open_pair takes them.
std::vector<std::string> sources(const StudySettings& settings);
std::vector<FunnelPair> pairs_of(const StudySettings& settings);
bool is_plane(const FunnelPair& pair);

/// All methods on all pairs. Throws ConfigError where two pairs have one name.
std::vector<Arm> arms(const StudySettings& settings);

}  // namespace kantor::benchmark_w1
