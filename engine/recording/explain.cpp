#include "engine/recording/explain.h"

#include "engine/rewrites.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

namespace kantor {
namespace {

/// Names of buffers.
class Names {
 public:
  std::string of(const Operand& operand) {
    const Buffer* buffer = operand.buffer.get();
    std::string& name = names_[buffer];
    if (name.empty()) {
      const char kind = buffer->temporary() ? 't' : buffer->constant ? 'c' : 'x';
      name = fmt::format("{}{}", kind, ++counts_[kind]);
    }
    const std::string begin = operand.begin > 0 ? fmt::format("[{}]", operand.begin) : "";
    return fmt::format("{}{} {}", name, begin, to_string(operand.spec.shape));
  }
  std::string of(const std::vector<Operand>& operands) {
    std::vector<std::string> texts;
    texts.reserve(operands.size());
    for (const Operand& operand : operands) texts.push_back(of(operand));
    return fmt::format("{}", fmt::join(texts, ", "));
  }

 private:
  std::map<const Buffer*, std::string> names_;
  std::map<char, int> counts_;
};

auto lines(const std::string& list) {
  return std::count(list.begin(), list.end(), '\n');
}

}  // namespace

std::string list_of(const Recording& recording) {
  Names names;
  std::string list;
  for (size_t i = 0; i < recording.calls.size(); ++i) {
    const RecordedCall& call = recording.calls[i];
    const std::string inputs = names.of(call.inputs);  // named before the outputs
    list += fmt::format("{:4} {:<20} {}{}-> {}\n", i + 1, call.op->name(), inputs, inputs.empty() ? "" : " ",
                        names.of(call.outputs));
  }
  return list;
}

std::string explain(const std::string& before, const std::string& after) {
  const std::vector<std::string> rewrites = active_rewrites();
  return fmt::format("{} ops as written:\n{}\n{} ops as replayed, after the rewrites {}:\n{}", lines(before), before,
                     lines(after), rewrites.empty() ? "(none)" : fmt::format("{}", fmt::join(rewrites, ", ")), after);
}

}  // namespace kantor
