// The code that slow motion shows, cut out of the sources that the program was built from.
#include "engine/error.h"
#include "tools/embedded_files.h"
#include "tools/lab_page.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

namespace kantor {

#ifdef KANTOR_HAS_LAB

namespace embedded {
const std::vector<EmbeddedFile>& lab_sources();
}

namespace {

using nlohmann::json;

struct Shown {
  const char* stage;  // of slow motion; an update's is "update.RULE"
  const char* file;
  const char* begin;  // how the line begins that declares what is shown
};
constexpr Shown shown[] = {
    {"sample", "models/training/trainer.cpp", "CriticBatch Trainer::critic_batch("},
    {"interpolate", "engine/ops/gradient_penalty.cpp", "void interpolate_rows("},
    {"forward", "models/gan/critic_loss.cpp", "CriticLoss critic_loss("},
    {"input_gradient", "models/lipschitz/constraint.cpp", "InputGradient input_gradient_at("},
    {"penalty", "kernels/row_penalty.h", "KANTOR_FUNCTION inline RowPenalty row_penalty("},
    {"second_backward", "models/lipschitz/constraint.cpp", "ConstraintTerm penalize_at("},
    {"second_backward", "engine/ops/gradient_penalty.cpp", "  /// The second output is the derivative already"},
    {"second_backward", "models/gan/trainable_network.cpp", "void TrainableNetwork::descend("},
    {"backward", "models/gan/trainable_network.cpp", "void TrainableNetwork::descend("},
    {"update.adam", "kernels/update_rules/adam.h", "struct Adam {"},
    {"update.adamw", "kernels/update_rules/adamw.h", "struct AdamW {"},
    {"update.rmsprop", "kernels/update_rules/rmsprop.h", "struct RmsProp {"},
    {"update.sgd", "kernels/update_rules/sgd.h", "struct Sgd {"},
    {"clip", "engine/ops/clip_update.cpp", "T clipped(T w, T bound) {"},
};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

/// From the comment above the declaration to the brace that closes it, which stands where the declaration begins.
json excerpt(const Shown& what, std::string_view content) {
  const std::vector<std::string_view> lines = lines_of(content);
  const auto fail = [&] {
    return Error(fmt::format("slow motion shows '{}' of {}, which is not there any more; see tools/lab_sources.cpp",
                             what.begin, what.file));
  };
  size_t first = 0;
  while (first < lines.size() && !lines[first].starts_with(what.begin)) ++first;
  if (first == lines.size()) throw fail();
  const std::string indent(lines[first].find_first_not_of(' '), ' ');
  size_t last = first;
  while (last < lines.size() && lines[last] != indent + "}" && lines[last] != indent + "};") ++last;
  if (last == lines.size()) throw fail();
  while (first > 0 && (lines[first - 1].starts_with("///") || lines[first - 1].starts_with("template"))) --first;
  std::string text;
  for (size_t i = first; i <= last; ++i)
    text.append(lines[i].substr(std::min(indent.size(), lines[i].size()))).append("\n");
  return {{"file", what.file}, {"line", first + 1}, {"text", text}};
}

}  // namespace

json lab_sources() {
  json sources = json::object();
  for (const Shown& what : shown) {
    const auto& files = embedded::lab_sources();
    const auto file = std::find_if(files.begin(), files.end(), [&](const auto& f) { return f.path == what.file; });
    if (file == files.end()) {
      throw Error(fmt::format("{} is not in the program; add it to tools/lab/CMakeLists.txt", what.file));
    }
    sources[what.stage].push_back(excerpt(what, file->content));
  }
  return sources;
}

#endif

}  // namespace kantor
