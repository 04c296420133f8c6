#include "engine/recording/rewrite.h"

#include "engine/error.h"
#include "engine/rewrites.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sstream>

namespace kantor {
namespace {

struct Row {
  RewriteInfo info;
  void (*apply)(Recording&);
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table{
      {{"dead", "calls whose results nothing reads are left out", true}, remove_dead_calls},
      {{"constants", "what is the same in every replay is computed once", true}, fold_constants},
      {{"copies", "products with a constant 1, and concatenated rows, are copies", true}, find_copies},
      {{"rows", "ops that do the same to different rows are one: products with one weight", false}, join_rows},
      {{"sums", "two sums over rows that are added are one longer sum: weight gradients", false}, join_sums},
      {{"epilogues", "products are multiplied by the derivative of the layer before in their epilogue", true},
       fuse_derivatives},
      {{"pointwise", "pointwise ops that follow each other are one pass", true}, join_pointwise},
      {{"group-sums", "sums over rows that do not depend on each other are one launch", true}, group_sums},
      {{"in-place", "results are written where they would be copied to", true}, write_in_place},
  };
  return table;
}

constexpr uint64_t all = ~uint64_t{0};
std::atomic<uint64_t> active{all};

bool is_active(size_t row) {
  return (active >> row & 1) != 0;
}

}  // namespace

const std::vector<RewriteInfo>& rewrite_table() {
  static const std::vector<RewriteInfo> table = [] {
    std::vector<RewriteInfo> infos;
    infos.reserve(rows().size());
    for (const Row& row : rows()) infos.push_back(row.info);
    return infos;
  }();
  return table;
}

void set_rewrites(const std::string& which) {
  uint64_t chosen = which == "all" ? all : 0;
  const std::vector<RewriteInfo>& table = rewrite_table();
  if (which == "exact") {
    for (size_t i = 0; i < table.size(); ++i) chosen |= uint64_t{table[i].exact} << i;
  } else if (which != "all" && which != "none") {
    std::istringstream names(which);
    for (std::string name; std::getline(names, name, ',');) {
      const auto found =
          std::find_if(table.begin(), table.end(), [&](const RewriteInfo& info) { return info.name == name; });
      if (found == table.end()) {
        std::vector<const char*> known;
        known.reserve(table.size());
        for (const RewriteInfo& info : table) known.push_back(info.name);
        throw Error(fmt::format("unknown rewrite '{}'; expected all, exact, none, or some of {} joined by commas", name,
                                fmt::join(known, ", ")));
      }
      chosen |= uint64_t{1} << (found - table.begin());
    }
  }
  active = chosen;
}

std::vector<std::string> active_rewrites() {
  std::vector<std::string> names;
  for (size_t i = 0; i < rows().size(); ++i) {
    if (is_active(i)) names.emplace_back(rows()[i].info.name);
  }
  return names;
}

RewriteScope::RewriteScope(const std::string& which) : before_(active) {
  set_rewrites(which);
}
RewriteScope::~RewriteScope() {
  active = before_;
}

void rewrite(Recording& recording) {
  for (size_t i = 0; i < rows().size(); ++i) {
    if (is_active(i)) rows()[i].apply(recording);
  }
}

}  // namespace kantor
