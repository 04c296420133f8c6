#include "bench/serve.h"

#include "bench/replay.h"
#include "bench/result_file.h"
#include "bench/suite.h"
#include "engine/error.h"

#include <algorithm>
#include <fmt/format.h>
#include <istream>
#include <optional>
#include <ostream>

namespace kantor {
namespace {

using nlohmann::json;

/// What tells a subject's row apart.
json naming(const Subject& subject) {
  json row{{"name", subject.name}, {"size", subject.size}};
  row.update(subject.extra);
  return row;
}

class Server {
 public:
  Server(const std::vector<Subject>& subjects, Device device) : subjects_(subjects), device_(device) {}

  [[nodiscard]] json rows() const {
    json rows = json::array();
    for (const Subject& subject : subjects_) rows.push_back(naming(subject));
    return {{"rows", rows}};
  }

  json round(const std::string& key, int64_t replays, int64_t warm) {
    if (replays < 0 || warm < 0) throw Error(fmt::format("{} replays after {} warm ones", replays, warm));
    Replay& replay = ready(key);
    if (replays == 0) return {{"seconds", replay.seconds(1)}};
    if (warm > 0) (void)replay.seconds(warm);
    return {{"seconds", replay.seconds(replays) / static_cast<double>(replays)}, {"replays", replays}};
  }

 private:
  Replay& ready(const std::string& key) {
    if (replay_ && key == key_) return *replay_;
    const auto found = std::find_if(subjects_.begin(), subjects_.end(),
                                    [&](const Subject& subject) { return row_key(naming(subject)) == key; });
    if (found == subjects_.end()) throw Error(fmt::format("there is no row '{}'", key));
    replay_.reset();  // first: two rows at once may not fit into the device's memory
    replay_.emplace(found->step, device_, found->whole_step ? "all" : "none");
    key_ = key;
    return *replay_;
  }

  const std::vector<Subject>& subjects_;
  Device device_;
  std::string key_;
  std::optional<Replay> replay_;
};

}  // namespace

void serve_subjects(const std::string& suite, const std::vector<Subject>& subjects, const json& context, Device device,
                    std::istream& in, std::ostream& out) {
  Server server(subjects, device);
  const auto answer = [&](const std::string& line) -> json {
    const json asked = json::parse(line);
    if (asked.contains("context")) {
      json about{{"schema", serve_schema}, {"version", serve_version}, {"suite", suite}};
      about.update(context);
      return about;
    }
    if (asked.contains("rows")) return server.rows();
    return server.round(asked.at("row"), asked.at("replays"), asked.value("warm", int64_t{0}));
  };
  for (std::string line; std::getline(in, line);) {
    json reply;
    try {
      reply = answer(line);
    } catch (const std::exception& error) {
      reply = {{"error", error.what()}};
    }
    out << reply.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
  }
}

void serve_suite(const std::string& suite, const BenchOptions& options, std::istream& in, std::ostream& out) {
  const Suite& found = suite_named(suite);
  serve_subjects(found.name, found.subjects(options), bench_context(options.device), options.device, in, out);
}

}  // namespace kantor
