// Pairs of funnels by name: the six published ones, which are part of the program; folders; and pairs made by seed.
#pragma once

#include "models/data/funnels.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kantor {

struct FunnelPair {
  std::string name;  // "d2_n4", a folder's name, or "d2_n4.7" of one made by seed 7
  Funnels funnels;
  /// Per method the published {"w1", "cosine", "squared_gradient_error"}, and the truth as "true"; may be empty.
  nlohmann::json published;
};

/// "d2_n4", ..., from small to large: pairs of Korotin, Kolesov and Burnaev 2022 (models/data/w1benchmark/README.md).
const std::vector<std::string>& published_pairs();

/// `source`: a folder as `write_funnels` makes it; one of published_pairs(); or "dD_nN:SEED", a pair of D dimensions
/// and N funnels made by that seed. A folder's published figures are its name's entry in a published.json in it or
/// beside it. Throws FileError naming what was found and what can be given.
FunnelPair open_pair(const std::string& source);

/// The sources that a user means: each pair in a folder that contains pairs, in order; else `source` itself, folders
/// by their absolute path. Throws FileError for a folder without a pair in it.
std::vector<std::string> find_pairs(const std::string& source);

}  // namespace kantor
