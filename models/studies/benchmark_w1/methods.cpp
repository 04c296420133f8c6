#include "models/studies/benchmark_w1/methods.h"

#include "engine/error.h"
#include "models/files/bytes.h"
#include "models/studies/framework/arms.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <span>

namespace kantor::benchmark_w1 {
namespace {

using nlohmann::json;

Method own_method(const std::string& name, const std::string& label, int colour, const json& config,
                  const std::string& published, int64_t full_steps, int64_t quick_steps) {
  return {Arm{name, label, colour, config}, published, full_steps, quick_steps};
}

std::vector<Method> own_methods() {
  const auto constraint = [](const char* kind) { return json{{"critic.constraint", kind}}; };
  return {
      own_method("clip", "clipping, c = 0.04", colours::vermilion, constraint("clip"), "wgan", 5000, 2000),
      own_method("penalty", "penalty, two-sided", colours::blue, constraint("penalty"), "wgan-gp", 60000, 8000),
      own_method("one-sided", "penalty, one-sided", colours::green, constraint("one-sided"), "wgan-lp", 60000, 3000),
      own_method("spectral-detached", "spectral normalization, sigma a constant", colours::pink,
                 {{"critic.constraint", "spectral"}, {"spectral.detached", true}}, "sn-gan", 10000, 2000),
      own_method("groupsort", "GroupSort of whole layers", colours::orange,
                 {{"critic.constraint", "groupsort"}, {"groupsort.group", 0}}, "sort-out", 25000, 1500),
      // As Miyato et al. 2018 derive it: better than the published one, and not a row of the published table.
      own_method("spectral", "spectral normalization", colours::sky, constraint("spectral"), "", 10000, 2000)};
}

/// A value that changes with a folder's content, so that a study does not continue with other numbers.
std::string digest_of(const Funnels& funnels) {
  const auto bytes = [](const std::vector<double>& values) { return std::as_bytes(std::span(values)); };
  return fmt::format("{:016x}", fnv1a(bytes(funnels.offsets()), fnv1a(bytes(funnels.centres()))));
}

Arm arm_on(const FunnelPair& pair, const std::string& source, const Method& method, const StudySettings& s) {
  const int64_t width = s.scale == Scale::tiny ? 16 : std::max<int64_t>(2 * pair.funnels.dimensions(), 128);
  Arm arm = method.arm;
  arm.name = method.on(pair);
  arm.config = {{"critic.lambda", 10},        {"clip.c", 0.04},
                {"clip.biases", false},       {"critic.depth", 2},
                {"critic.width", width},      {"critic.initialization", "pytorch"},
                {"critic.optimizer", "adam"}, {"critic.learning_rate", 2e-4},
                {"critic.beta1", 0},          {"train.batch", s.pick(16, 1024, 1024)}};
  arm.config.update(method.arm.config);
  arm.more = {{"pair", source}, {"digest", digest_of(pair.funnels)}, {"steps", method.steps(s)}};
  return arm;
}

}  // namespace

std::vector<Method> methods_of(const StudySettings& s) {
  std::vector<Method> methods = own_methods();
  std::vector<Arm> all;
  all.reserve(methods.size());
  for (const Method& method : methods) all.push_back(method.arm);
  add_further(all, "penalty", s);
  for (const Arm& arm : all) {
    if (arm.further) methods.push_back({arm, "", 60000, 5000});
  }
  return methods;
}

const Method& find_method(const std::vector<Method>& methods, std::string_view name) {
  for (const Method& method : methods) {
    if (method.arm.name == name) return method;
  }
  throw Error(fmt::format("this study has no method '{}'", name));
}

std::vector<std::string> sources(const StudySettings& s) {
  if (!s.pairs.empty()) return s.pairs;
  if (s.scale == Scale::tiny) return {"d2_n4", "d16_n4:1"};
  if (s.scale == Scale::quick) return {"d2_n4"};
  std::vector<std::string> all = published_pairs();
  for (const char* made : {"d2_n4:1", "d16_n4:1", "d128_n4:1"}) all.emplace_back(made);
  return all;
}

std::vector<FunnelPair> pairs_of(const StudySettings& s) {
  std::vector<FunnelPair> pairs;
  for (const std::string& source : sources(s)) pairs.push_back(open_pair(source));
  return pairs;
}

bool is_plane(const FunnelPair& pair) {
  return pair.funnels.dimensions() == 2;
}

std::vector<Arm> arms(const StudySettings& s) {
  std::vector<Arm> all;
  std::set<std::string> names;
  for (const std::string& source : sources(s)) {
    const FunnelPair pair = open_pair(source);
    if (!names.insert(pair.name).second) {
      throw ConfigError(
          fmt::format("two pairs are called '{}': give each once, folders of different names", pair.name));
    }
    for (const Method& method : methods_of(s)) all.push_back(arm_on(pair, source, method, s));
  }
  return all;
}

}  // namespace kantor::benchmark_w1
