#include "models/studies/framework/verdict.h"

#include "engine/error.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kantor {
namespace {

using nlohmann::json;

json number(double value) {
  return std::isfinite(value) ? json(value) : json();
}

Verdict verdict_of(const Interval& ours, const Bar& bar, int64_t needed) {
  if (ours.count < std::max<int64_t>(needed, 2)) return Verdict::unclear;
  if (ours.low >= bar.low && ours.high <= bar.high) return Verdict::shown;
  if (ours.high < bar.low || ours.low > bar.high) return Verdict::not_shown;
  return Verdict::unclear;
}

}  // namespace

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::shown:
      return "shown";
    case Verdict::not_shown:
      return "not shown";
    case Verdict::unclear:
      return "unclear";
  }
  return "unclear";
}

std::string to_string(const Bar& bar) {
  if (std::isinf(bar.high)) return fmt::format("at least {:.4g}", bar.low);
  if (std::isinf(bar.low)) return fmt::format("at most {:.4g}", bar.high);
  return fmt::format("from {:.4g} to {:.4g}", bar.low, bar.high);
}

Finding observe(std::string what, std::span<const double> values, Reference reference) {
  Finding finding;
  finding.what = std::move(what);
  if (!values.empty()) finding.ours = confidence_interval(values);
  finding.reference = std::move(reference);
  return finding;
}

Finding judge(std::string what, std::span<const double> values, const Bar& bar, int64_t needed, Reference reference) {
  Finding finding = observe(std::move(what), values, std::move(reference));
  finding.bar = bar;
  if (finding.ours) finding.verdict = verdict_of(*finding.ours, bar, needed);
  return finding;
}

Verdict overall(const std::vector<Finding>& findings) {
  Verdict result = Verdict::shown;
  bool judged = false;
  for (const Finding& finding : findings) {
    if (!finding.bar) continue;
    judged = true;
    if (finding.verdict == Verdict::not_shown) return Verdict::not_shown;
    if (finding.verdict == Verdict::unclear) result = Verdict::unclear;
  }
  return judged ? result : Verdict::unclear;
}

const Finding& find_finding(const std::vector<Finding>& findings, std::string_view what) {
  const auto found =
      std::find_if(findings.begin(), findings.end(), [&](const Finding& finding) { return finding.what == what; });
  if (found == findings.end()) throw Error(fmt::format("this study has no finding '{}'", what));
  return *found;
}

json to_json(const Finding& finding) {
  json result{{"what", finding.what}, {"published", finding.reference.published}, {"source", finding.reference.source}};
  if (finding.ours) {
    result["ours"] = {{"mean", number(finding.ours->mean)},
                      {"low", number(finding.ours->low)},
                      {"high", number(finding.ours->high)},
                      {"seeds", finding.ours->count}};
  }
  if (finding.bar) {
    result["bar"] = to_string(*finding.bar);
    result["own_bar"] = finding.bar->own;
    result["verdict"] = to_string(finding.verdict);
  }
  return result;
}

}  // namespace kantor
