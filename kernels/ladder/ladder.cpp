#include "kernels/ladder/ladder.h"

#include <algorithm>
#include <utility>

namespace kantor::ladder {
namespace {

std::vector<Family>& mutable_families() {
  static auto* const all = new std::vector<Family>;  // filled before main begins, by one thread
  return *all;
}
std::vector<Rung>& mutable_rungs() {
  static auto* const all = new std::vector<Rung>;
  return *all;
}

}  // namespace

const std::vector<Family>& families() {
  return mutable_families();
}

std::vector<Rung> rungs(const std::string& family, Backend backend) {
  std::vector<Rung> found;
  for (const Rung& rung : mutable_rungs()) {
    if (rung.family == family && rung.backend == backend) found.push_back(rung);
  }
  std::sort(found.begin(), found.end(), [](const Rung& a, const Rung& b) { return a.version < b.version; });
  return found;
}

bool add_family(Family family) {
  auto& all = mutable_families();
  const auto by_name = [](const Family& a, const Family& b) { return a.name < b.name; };
  all.insert(std::upper_bound(all.begin(), all.end(), family, by_name), std::move(family));
  return true;
}

bool add_rung(Rung rung) {
  mutable_rungs().push_back(std::move(rung));
  return true;
}

}  // namespace kantor::ladder
