// Text: whether bytes are UTF-8, how they are shown in messages, and the nearest of several words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kantor {

/// Whether `text` is well-formed UTF-8 (no surrogates, no overlong forms), as TOML and JSON require.
bool is_utf8(std::string_view text);

/// `text` in double quotes, printable ASCII as it stands and the rest as \xNN; cut after `limit` bytes. For messages,
/// so that a damaged file cannot garble a terminal.
std::string quote(std::string_view text, size_t limit = 40);

/// The candidate nearest to `word` by edit distance, or "" where none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace kantor
