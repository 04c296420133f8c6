#include "bench/serve.h"

#include "bench/result_file.h"
#include "bench/suite.h"
#include "engine/error.h"
#include "engine/threads.h"

#include <algorithm>
#include <fmt/format.h>
#include <istream>
#include <ostream>

namespace kantor {
namespace {

using nlohmann::json;

/// What tells a subject's row apart.
json naming(const Subject& subject) {
  json row{{"name", subject.name}, {"size", subject.size}, {"dtype", subject.dtype}};
  if (subject.threads > 0) row["threads"] = subject.threads;
  row.update(subject.extra);
  return row;
}

class Server {
 public:
  Server(const std::vector<Subject>& subjects, Device device) : subjects_(subjects), device_(device) {}

  [[nodiscard]] json rows() const {
    json rows = json::array();
    for (const Subject& subject : subjects_) {
      rows.push_back(naming(subject));
      rows.back()["key"] = row_key(rows.back());
    }
    return {{"rows", rows}};
  }

  json round(const std::string& key, int64_t replays, int64_t warm) {
    if (replays < 0 || warm < 0) throw Error(fmt::format("{} replays after {} warm ones", replays, warm));
    make_ready(key);
    if (warm > 0) (void)seconds_(warm);
    const int64_t runs = std::max<int64_t>(1, replays);
    return {{"seconds", seconds_(runs) / static_cast<double>(runs * subject_.times)}, {"replays", replays}};
  }

  json check(const std::string& key) {
    make_ready(key);
    if (!subject_.check) throw Error(fmt::format("row '{}' is compared with nothing", key));
    if (subject_.prepare) subject_.prepare();
    (void)seconds_(1);
    const Accuracy accuracy = subject_.check();
    return {{"accuracy", accuracy.error}, {"allowed", accuracy.allowed}};
  }

 private:
  void make_ready(const std::string& key) {
    if (seconds_ && key == key_) return;
    const auto found = std::find_if(subjects_.begin(), subjects_.end(),
                                    [&](const Subject& subject) { return row_key(naming(subject)) == key; });
    if (found == subjects_.end()) throw Error(fmt::format("there is no row '{}'", key));
    seconds_ = {};  // first: two rows at once may not fit into the device's memory
    subject_ = *found;
    set_threads(subject_.threads > 0 ? subject_.threads : threads_);
    if (subject_.make) subject_.make(subject_);
    seconds_ = capture(subject_, device_).seconds;
    key_ = key;
  }

  const std::vector<Subject>& subjects_;
  Device device_;
  std::string key_;
  Subject subject_;
  std::function<double(int64_t runs)> seconds_;  // of the row that is ready
  int threads_ = threads();
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
    if (asked.contains("check")) return server.check(asked.at("row"));
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
