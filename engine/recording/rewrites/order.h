// Two calls as one, somewhere between them. Internal to the rewrites.
#pragma once

#include "engine/recording/recording.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kantor {

/// What calls touch. A call must stay behind them if it writes what one of them reads or writes, or reads what one of
/// them writes.
class Wake {
 public:
  void add(const RecordedCall& call);
  [[nodiscard]] bool holds(const RecordedCall& call) const;

 private:
  struct Touch {
    Operand place;
    bool written;
  };
  [[nodiscard]] bool meets(const Operand& place, bool written) const;
  std::unordered_map<const Buffer*, std::vector<Touch>> touched_;
};

/// Of the calls between i and j, those that must come after call i, as marks from i + 1 on; those of them that call j
/// must come after forbid that the two become one: none then. Where `apart`, call j must not depend on call i either.
std::optional<std::vector<bool>> calls_after(const Recording& recording, size_t i, size_t j, bool apart);
/// Puts one element, such as a call, in place of elements i and j of a list, behind those between them that are not
/// marked, before the marked ones. Returns where it stands.
template <class T>
size_t replace_both(std::vector<T>& list, size_t i, size_t j, const std::vector<bool>& after, T both) {
  std::vector<T> ordered;
  for (size_t k = i + 1; k < j; ++k) {
    if (!after[k - i - 1]) ordered.push_back(std::move(list[k]));
  }
  const size_t place = i + ordered.size();
  ordered.push_back(std::move(both));
  for (size_t k = i + 1; k < j; ++k) {
    if (after[k - i - 1]) ordered.push_back(std::move(list[k]));
  }
  std::move(ordered.begin(), ordered.end(), list.begin() + static_cast<std::ptrdiff_t>(i));
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(j));
  return place;
}

}  // namespace kantor
