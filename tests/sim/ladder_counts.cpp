#include "tests/sim/ladder_counts.h"

#include "kernels/ladder/call.h"
#include "kernels/sim/traffic/counter.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace kantor::testing {
namespace {

using nlohmann::json;
using sim::traffic::Kind;
using sim::traffic::Row;
using sim::traffic::Sample;
using sim::traffic::Space;

constexpr const char* kinds[] = {"read", "write", "atomic"};
constexpr int samples_of_an_instruction = 8;

const char* name_of(Space space) {
  return space == Space::global ? "global" : space == Space::peer ? "peer" : "shared";
}

/// Runs the version once, counted.
std::vector<Row> count(const ladder::Call& call, const ladder::Rung& rung, int samples) {
  sim::traffic::start(samples);
  try {
    call.run(rung);
  } catch (...) {
    (void)sim::traffic::stop();
    throw;
  }
  return sim::traffic::stop();
}

/// The kernel's own rows, by its whole name.
json accesses(const std::vector<Row>& rows, const std::string& kernel, Space space) {
  json all = json::object();
  for (const Kind kind : {Kind::read, Kind::write, Kind::atomic}) {
    Row sum{};
    for (const Row& row : rows) {
      if (row.kernel != kernel || row.space != space || row.kind != kind) continue;
      sum.accesses += row.accesses;
      sum.bytes += row.bytes;
      sum.transactions += row.transactions;
    }
    if (sum.accesses == 0) continue;
    all[kinds[static_cast<int>(kind)]] = {{"accesses", sum.accesses},
                                          {"bytes", sum.bytes},
                                          {"taken", sum.transactions.taken},
                                          {"fewest", sum.transactions.fewest}};
  }
  return all;
}

/// "w" of "w [8, width]".
std::string first_word(const std::string& text) {
  return text.substr(0, text.find(' '));
}

/// What stands in an array of a call, in a word: the family's name for it, if it has one.
std::string array_name(const ladder::Family& family, const ladder::Arrays& arrays, uintptr_t begin) {
  const auto is = [&](const void* array) { return reinterpret_cast<uintptr_t>(array) == begin; };
  for (size_t k = 0; k < family.output_names.size(); ++k) {
    if (is(arrays.outputs[k])) return first_word(family.output_names[k]);
  }
  for (size_t k = 0; k < family.input_names.size(); ++k) {
    if (is(arrays.inputs[k])) return first_word(family.input_names[k]);
  }
  return is(arrays.workspace) ? "workspace" : is(arrays.tables) ? "tables" : "";
}

json to_json(const Sample& sample, const std::string& array) {
  json lanes = json::array();
  for (size_t lane = 0; lane < 32; ++lane) {
    if ((sample.lanes >> lane & 1U) != 0) lanes.push_back({lane, sample.offset[lane]});
  }
  return {{"kernel", sample.of.kernel},
          {"file", sample.of.file},
          {"line", sample.of.line},
          {"space", name_of(sample.of.space)},
          {"kind", kinds[static_cast<int>(sample.of.kind)]},
          {"array", array},
          {"block", sample.block},
          {"warp", sample.warp},
          {"bytes", sample.bytes},
          {"lanes", std::move(lanes)}};
}

/// Of the run that was counted last.
json kernels_of(const std::vector<Row>& rows) {
  json kernels = json::array();
  for (const sim::traffic::Launches& one : sim::traffic::launches()) {
    const auto named = [&](const json& kernel) { return kernel["name"] == one.kernel; };
    auto kernel = std::find_if(kernels.begin(), kernels.end(), named);
    if (kernel == kernels.end()) {
      kernels.push_back({{"name", one.kernel},
                         {"launches", json::array()},
                         {"global", accesses(rows, one.kernel, Space::global)},
                         {"shared", accesses(rows, one.kernel, Space::shared)}});
      kernel = std::prev(kernels.end());
    }
    (*kernel)["launches"].push_back(
        {{"launches", one.launches}, {"blocks", one.blocks}, {"threads", one.threads}, {"shared", one.shared_bytes}});
  }
  return kernels;
}

json samples_of_last(const ladder::Family& family, const ladder::Arrays& arrays) {
  json samples = json::array();
  for (const Sample& sample : sim::traffic::samples()) {
    const bool global = sample.of.space == Space::global;
    samples.push_back(to_json(sample, global ? array_name(family, arrays, sample.begin) : "shared memory"));
  }
  return samples;
}

}  // namespace

json ladder_counts(const ladder::Family& family, const ladder::Rung& rung, const ladder::Sizes& sizes) {
  return kernels_of(count(ladder::Call(family, sizes, Backend::sim), rung, 0));
}

std::vector<ladder::Sizes> counted_sizes(const ladder::Family& family, const ladder::Rung& rung) {
  std::vector<ladder::Sizes> taken;
  for (const ladder::Sizes& sizes : family.count_sizes) {
    if (rung.runs(sizes)) taken.push_back(sizes);
  }
  return taken;
}

json ladder_family(const std::string& name) {
  for (const ladder::Family& family : ladder::families()) {
    if (family.name != name) continue;
    json costs = json::array(), rungs = json::array();
    for (const ladder::Sizes& sizes : family.count_sizes) {
      const Cost cost = family.cost(sizes);
      costs.push_back({{"sizes", sizes}, {"bytes", cost.bytes}, {"flops", cost.flops}});
    }
    for (const ladder::Rung& rung : ladder::rungs(name, Backend::sim)) {
      json counts = json::array(), samples = json::array();
      for (const ladder::Sizes& sizes : counted_sizes(family, rung)) {
        const bool first = counts.empty();
        const ladder::Call call(family, sizes, Backend::sim);
        const auto rows = count(call, rung, first ? samples_of_an_instruction : 0);
        counts.push_back({{"sizes", sizes}, {"kernels", kernels_of(rows)}});
        if (first) samples = samples_of_last(family, call.arrays());
      }
      rungs.push_back({{"version", rung.version},
                       {"text", rung.text},
                       {"production", rung.production},
                       {"follows", rung.follows},
                       {"file", rung.file},
                       {"counts", std::move(counts)},
                       {"samples", std::move(samples)}});
    }
    return {{"family", name},
            {"formula", family.formula},
            {"size_names", family.size_names},
            {"inputs", family.input_names},
            {"outputs", family.output_names},
            {"costs", std::move(costs)},
            {"rungs", std::move(rungs)}};
  }
  throw KernelError("there is no family '" + name + "' on the ladder");
}

}  // namespace kantor::testing
