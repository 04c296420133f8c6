// `kantor bench compare`, `ab`, `serve` and `report`: result files that are wrong, programs that are, and
// what is said of rows whose difference is known.
#include "bench/result_file.h"
#include "engine/error.h"
#include "models/files/file_error.h"
#include "tests/paths.h"
#include "tests/program.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <sstream>
#include <string>
#include <vector>

using namespace kantor;
using nlohmann::json;

namespace {

json timing(const std::vector<double>& samples) {
  return {{"seconds", samples[samples.size() / 2]},
          {"p10", samples[0]},
          {"p90", samples.back()},
          {"best", samples[0]},
          {"samples", samples}};
}

json row(const std::string& name, const std::vector<double>& samples) {
  json row{{"name", name}, {"size", "n 1"}, {"dtype", "float32"}, {"bytes", 8},
           {"flops", 0},   {"launches", 1}, {"cold", json()}};
  row.update(timing(samples));
  return row;
}

/// A result file of rows.
json file_of(const std::vector<json>& rows) {
  return {{"schema", "kantor-bench"},
          {"version", 1},
          {"suite", "clip-vs-penalty"},
          {"device", "cpu"},
          {"hardware", ""},
          {"simulated", false},
          {"threads", 2},
          {"arithmetic", "float32"},
          {"build", {{"version", "1"}, {"compiler", "g++"}, {"products", "oneDNN"}, {"cuda", ""}}},
          {"machine", json::object()},
          {"load", {{"warning", ""}}},
          {"rows", rows}};
}

/// Samples around a median, as much spread as this.
std::vector<double> around(double median, double spread = 0.001, int count = 11) {
  std::vector<double> samples;
  for (int i = 0; i < count; ++i) samples.push_back(median * (1 + spread * (i - count / 2)));
  return samples;
}

/// A program that answers as `kantor bench serve` does, with that many seconds for its row, and says `instead` where it
/// is asked for a round, if that is not empty.
std::string served(const ProgramFolder& folder, const std::string& name, double seconds,
                   const std::string& instead = "", const json& more = {}) {
  json context{{"schema", "kantor-bench-serve"}, {"version", 1}, {"suite", "s"}, {"device", "cpu"}, {"threads", 1}};
  context["build"] = {{"compiler", "g++"}, {"products", "oneDNN"}, {"cuda", ""}};
  if (more.is_object()) context.update(more);
  const std::string answer =
      instead.empty() ? fmt::format("echo '{{\"seconds\": {}, \"replays\": 1}}'", seconds) : instead;
  const std::string path = folder.file(
      name, fmt::format("#!/bin/sh\nwhile read -r line; do case \"$line\" in\n*context*) echo '{}' ;;\n*rows*) echo "
                        "'{{\"rows\": [{{\"name\": \"kernel\", \"size\": \"n 1\"}}]}}' ;;\n*) {} ;;\nesac; done\n",
                        context.dump(), answer));
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

ProgramResult ab(const std::string& a, const std::string& b, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"bench", "ab", a, b, "--suite", "s", "--seconds", "0.01", "--starts", "8"};
  words.insert(words.end(), more.begin(), more.end());
  return run_kantor(words);
}

}  // namespace

TEST_CASE("program: bench compare says same, faster, slower and unclear, and exits with 1 on a regression") {
  const ProgramFolder folder;
  const std::string a = folder.file("a.json", file_of({row("same", around(1e-4)), row("faster", around(1e-4)),
                                                       row("slower", around(1e-4)), row("unclear", around(1e-4, 0.02)),
                                                       row("few", around(1e-4, 0.001, 3)), row("gone", around(1e-4))})
                                                  .dump());
  json changed = row("same", around(1.001e-4));
  changed["launches"] = 2;
  const std::string b = folder.file(
      "b.json",
      file_of({changed, row("faster", around(0.9e-4)), row("slower", around(1.1e-4)),
               row("unclear", around(1.05e-4, 0.02)), row("few", around(2e-4, 0.001, 3)), row("new", around(1e-4))})
          .dump());
  const ProgramResult result = run_kantor({"bench", "compare", a, b, "--json", folder / "c.json"});
  INFO(result.out << result.err);
  CHECK(result.code == 1);
  const json compared = json::parse(text_of(folder / "c.json"));
  REQUIRE(compared["rows"].size() == 5);
  for (const json& found : compared["rows"]) {
    const std::string name = found["name"];
    CHECK(found["verdict"] == (name == "few" ? "unclear" : name));
  }
  CHECK(compared["rows"][0]["counts"]["launches"] == json({1, 2}));
  CHECK(compared["rows"][2]["ratio"] == Approx(1.1));
  CHECK(compared["rows"][4]["ratio"].is_null());
  CHECK_THAT(result.out, Contains("3 and 3 repetitions are too few") && Contains("launches: 1 and 2") &&
                             Contains("only in a: gone") && Contains("only in b: new"));
  CHECK(run_kantor({"bench", "compare", b, a, "--filter", "slower"}).code == 0);  // it is faster that way
  CHECK(run_kantor({"bench", "compare", a, b, "--least", "0.2"}).code == 0);
  CHECK(run_kantor({"bench", "compare", a, a}).code == 0);
  json wrong = row("slower", around(0.5e-4));
  wrong["passed"] = false;
  const ProgramResult of_wrong =
      run_kantor({"bench", "compare", a, folder.file("w.json", file_of({wrong}).dump()), "--filter", "slower"});
  CHECK(of_wrong.code == 0);
  CHECK_THAT(of_wrong.out, Contains("1 unclear") && Contains("the second file's row was timed with is wrong"));
  check_refused({"bench", "compare", a, b, "--filter", "nothing"}, 2, {"share no row", "nothing"});
  check_refused({"bench", "compare", a, b, "--cold"}, 2, {"share no row", "cold"});
}

TEST_CASE("program: bench compare refuses files of other circumstances unless it is told to take them") {
  const ProgramFolder folder;
  const json plain = file_of({row("x", around(1e-4))});
  const std::string a = folder.file("a.json", plain.dump());
  const auto changed = [&](const char* pointer, const json& value) {
    json other = plain;
    other[json::json_pointer(pointer)] = value;
    return folder.file("other.json", other.dump());
  };
  for (const auto& [pointer, value] : std::vector<std::pair<const char*, json>>{{"/hardware", "another card"},
                                                                                {"/threads", 1},
                                                                                {"/arithmetic", "tf32"},
                                                                                {"/build/compiler", "clang++"},
                                                                                {"/build/products", "Eigen"},
                                                                                {"/build/cuda", "13"}}) {
    INFO(pointer);
    const std::string b = changed(pointer, value);
    check_refused({"bench", "compare", a, b}, 2, {value.dump(), "--different"});
    const ProgramResult result = run_kantor({"bench", "compare", a, b, "--different"});
    CHECK(result.code == 0);
    CHECK_THAT(result.out, Contains("different: ") && Contains(value.dump()));
  }
  CHECK(run_kantor({"bench", "compare", a, changed("/build/version", "2")}).code == 0);
  check_refused({"bench", "compare", a, changed("/suite", "conv")}, 2, {"different suites"});
  check_refused({"bench", "compare", a, changed("/simulated", true), "--different"}, 2, {"simulator"});
}

TEST_CASE("bench compare: a file that is wrong is refused with what was found and what was expected") {
  const ProgramFolder folder;
  const json plain = file_of({row("x", around(1e-4)), row("y", around(1e-4))});
  CHECK(read_result_file(folder.file("a.json", plain.dump())) == plain);
  const auto refused = [&](const std::string& text, const std::vector<std::string>& words) {
    const std::string path = folder.file("wrong.json", text);
    std::string said = "nothing";
    try {
      (void)read_result_file(path);
    } catch (const FileError& error) {
      said = error.what();
    }
    INFO(text.substr(0, 100));
    CHECK_THAT(said, Contains("wrong.json"));
    for (const std::string& word : words) CHECK_THAT(said, Contains(word));
  };
  const auto with = [&](const char* pointer, const json& value) {
    json other = plain;
    other[json::json_pointer(pointer)] = value;
    return other.dump();
  };
  const auto without = [&](const char* parent, const char* key) {
    json other = plain;
    other[json::json_pointer(parent)].erase(key);
    return other.dump();
  };
  const std::string whole = plain.dump();
  for (size_t length = 0; length < whole.size(); length += 37) refused(whole.substr(0, length), {"no JSON"});
  refused("[]", {"expected an object"});
  refused("{}", {"schema is null", "kantor-bench"});
  refused(with("/schema", "other"), {"schema is \"other\"", "make it anew"});
  refused(with("/version", 2), {"version is 2", "expected 1"});
  refused(with("/rows", json::array()), {"rows is []"});
  refused(with("/threads", 0), {"threads is 0"});
  refused(with("/simulated", 1), {"simulated is 1"});
  refused(with("/rows/1/samples/3", json()), {"rows[1].samples[3] is null", "a time above 0"});
  refused(with("/rows/1/samples/3", -1), {"rows[1].samples[3] is -1"});
  refused(with("/rows/1/seconds", "1"), {"rows[1].seconds is \"1\""});
  refused(with("/rows/1/name", "x"), {"rows[1] is 'x, n 1, float32', as rows[0] is"});
  refused(with("/rows/1/cold", 3), {"rows[1].cold is 3"});
  refused(with("/rows/1", 3), {"rows[1] is 3"});
  refused(std::string(whole).replace(whole.find("1e-0"), 4, "NaN!"), {"no JSON"});
  for (const char* key :
       {"suite", "device", "hardware", "arithmetic", "simulated", "threads", "build", "machine", "load", "rows"}) {
    refused(without("", key), {std::string(key) + " is missing"});
  }
  for (const char* key : {"version", "compiler", "products", "cuda"}) refused(without("/build", key), {"is missing"});
  for (const char* key : {"name", "size", "dtype", "bytes", "flops", "launches", "seconds", "samples", "cold"}) {
    refused(without("/rows/0", key), {"rows[0]", "is missing"});
  }
  check_refused({"bench", "compare", folder / "a.json", folder / "nowhere.json"}, 3, {"nowhere.json"});
}

TEST_CASE("program: bench ab says what two programs differ by") {
  const ProgramFolder folder;
  const std::string a = served(folder, "a", 1e-3), same = served(folder, "same", 1.001e-3),
                    slow = served(folder, "slow", 1.05e-3), fast = served(folder, "fast", 0.9e-3);
  const auto verdict = [&](const std::string& b, int code) {
    const ProgramResult result = ab(a, b, {"--json", folder / "ab.json"});
    INFO(result.out << result.err);
    CHECK(result.code == code);
    const json compared = json::parse(text_of(folder / "ab.json"));
    REQUIRE(compared["rows"].size() == 1);
    CHECK(compared["rows"][0]["ratios"].size() == 8);
    CHECK_THAT(result.out, Contains("kernel, n 1"));
    return compared["rows"][0]["verdict"].get<std::string>();
  };
  CHECK(verdict(a, 0) == "same");
  CHECK(verdict(same, 0) == "same");
  CHECK(verdict(slow, 1) == "slower");
  CHECK(verdict(fast, 0) == "faster");
  // Every other start is 10 % faster or slower: all that can be said is that.
  const std::string count = folder.file("count", "0");
  const std::string wild = served(folder, "wild", 0,
                                  fmt::format("[ -n \"$s\" ] || {{ n=$(cat '{0}'); echo $((n + 1)) > '{0}'; s=0.0009; "
                                              "[ $((n % 2)) = 0 ] || s=0.0011; }}; echo \"{{\\\"seconds\\\": $s}}\"",
                                              count));
  CHECK(verdict(wild, 0) == "unclear");
  check_refused({"bench", "ab", a, same, "--suite", "s", "--filter", "nothing"}, 2, {"share no row"});
  check_refused({"bench", "ab", a, same, "--suite", "s", "--starts", "7"}, 2, {"--starts"});
}

TEST_CASE("program: bench ab ends with an error where a program dies, hangs, talks rubbish or is none") {
  const ProgramFolder folder;
  const std::string good = served(folder, "good", 1e-3);
  const auto refused = [&](const std::string& bad, const std::vector<std::string>& words) {
    for (const bool first : {true, false}) {
      const ProgramResult result = ab(first ? bad : good, first ? good : bad, {"--timeout", "1"});
      INFO(result.out << result.err);
      CHECK(result.code == 3);
      for (const std::string& word : words) CHECK_THAT(result.err, Contains(word));
    }
  };
  refused(served(folder, "dies", 0, "echo no more >&2; exit 5"), {"dies", "exit code 5", "no more"});
  refused(served(folder, "killed", 0, "kill -9 $$"), {"killed by signal 9"});
  refused(served(folder, "hangs", 0, "exec sleep 1000"), {"hangs", "did not answer within 1 s"});
  refused(served(folder, "half", 0, "printf '{\"seconds\"'; exec sleep 1000"), {"did not answer within"});
  refused(served(folder, "closes", 0, "exec >&-; exec 0<&-; exec sleep 1000"), {"before it had answered"});
  refused(served(folder, "talks", 0, "echo hello"), {"answered 'hello'", "expected a JSON object"});
  refused(served(folder, "endless", 0, "exec tr '\\0' x < /dev/zero"), {"a line that does not end"});
  refused(served(folder, "nan", 0, "echo '{\"seconds\": null}'"), {"a time above 0"});
  refused(served(folder, "negative", 0, "echo '{\"seconds\": -1}'"), {"a time above 0"});
  refused(served(folder, "error", 0, "echo '{\"error\": \"no memory\"}'"), {"no memory"});
  refused(served(folder, "later", 1e-3, "", {{"version", 2}}), {"version 2", "expected"});
  refused("/bin/true", {"/bin/true", "ended with exit code 0"});
  const std::string echo = folder.file("echo", "#!/bin/sh\nexec cat\n");
  std::filesystem::permissions(echo, std::filesystem::perms::owner_all);
  refused(echo, {"is no kantor", "kantor-bench-serve"});
  refused("/nowhere/kantor", {"/nowhere/kantor", "could not be started"});
}

TEST_CASE("program: bench ab refuses programs of other builds and simulated times") {
  const ProgramFolder folder;
  const std::string good = served(folder, "good", 1e-3);
  const std::string other = served(folder, "other", 1e-3, "", {{"build", {{"compiler", "clang++"}}}});
  const ProgramResult refused = ab(good, other);
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, Contains("clang++") && Contains("--different"));
  CHECK(ab(good, other, {"--different"}).code == 0);
  const ProgramResult simulated = ab(good, served(folder, "sim", 1e-3, "", {{"simulated", true}}), {"--different"});
  CHECK(simulated.code == 2);
  CHECK_THAT(simulated.err, Contains("simulator"));
}

TEST_CASE("program: bench serve times the rows of a suite, and goes on after a wrong line") {
  const ProgramFolder folder;
  const std::string lines = R"({"context": true}
{"rows": true}
not JSON
{"row": "nothing", "replays": 1}
{"row": "SGD", "replays": -1}
)";
  const auto answers_to = [&](const std::string& asked) {
    const std::string command = fmt::format("'{}' bench serve clip-vs-penalty --quick --threads 1 < '{}' > '{}'",
                                            program_path().string(), folder.file("asked", asked), folder / "answered");
    REQUIRE(std::system(command.c_str()) == 0);
    std::vector<json> answers;
    std::istringstream text(text_of(folder / "answered"));
    for (std::string line; std::getline(text, line);) answers.push_back(json::parse(line));
    return answers;
  };
  const std::vector<json> answers = answers_to(lines);
  REQUIRE(answers.size() == 5);
  CHECK(answers[0]["schema"] == "kantor-bench-serve");
  CHECK(answers[0]["build"].contains("compiler"));
  CHECK(answers[1]["rows"].size() > 10);
  for (const size_t i : {2, 3, 4}) CHECK(answers[i].contains("error"));
  CHECK_THAT(answers[3]["error"].get<std::string>(), Contains("nothing"));
  std::string all;
  for (const json& found : answers[1]["rows"]) {
    CHECK(found["key"] == row_key(found));
    all += json{{"row", found["key"]}, {"replays", 2}, {"warm", 1}}.dump() + "\n";
    all += json{{"row", found["key"]}, {"check", true}}.dump() + "\n";
  }
  size_t timed = 0, compared = 0;
  for (const json& found : answers_to(all)) {
    INFO(found.dump());
    if (found.contains("seconds")) {
      CHECK(found["seconds"] > 0);
      ++timed;
    } else {
      REQUIRE(found.contains("accuracy"));
      CHECK(found["accuracy"] <= found["allowed"]);
      ++compared;
    }
  }
  CHECK(timed == answers[1]["rows"].size());
  CHECK(compared == timed);
  check_refused({"bench", "serve", "nothing"}, 1, {"nothing", "clip-vs-penalty"});
}

TEST_CASE("program: bench ab times the program itself") {
  const ProgramFolder folder;
  const std::string program = program_path().string();
  const ProgramResult result = run_kantor({"bench", "ab", program, program, "--quick", "--threads", "1", "--filter",
                                           "SGD", "--seconds", "0.1", "--starts", "8", "--json", folder / "ab.json"});
  INFO(result.out << result.err);
  const json compared = json::parse(text_of(folder / "ab.json"));
  REQUIRE(compared["rows"].size() == 1);  // what it says depends on the machine's other load
  CHECK(compared["rows"][0]["a"] > 0);
  CHECK(compared["rows"][0]["low"] <= compared["rows"][0]["ratio"]);
  CHECK(compared["rows"][0]["ratio"] <= compared["rows"][0]["high"]);
  CHECK(result.code == (compared["slower"] == 0 ? 0 : 1));
}

TEST_CASE("program: bench report writes every row as data that cannot leave its script") {
  const ProgramFolder folder;
  const std::string hostile = "</script><script>alert(1)</script><!-- /*data*/";
  const json file = file_of({row(hostile, around(1e-4)), row("b & \"c\"", around(1e-4))});
  REQUIRE(run_kantor({"bench", "report", folder.file("a.json", file.dump()), "--out", folder / "p.html"}).code == 0);
  const std::string page = text_of(folder / "p.html");
  CHECK(page.find("</script><script>alert") == std::string::npos);
  CHECK(page.find("<!-- ") == std::string::npos);
  const std::string mark = R"(<script id="data" type="application/json">)";
  const size_t start = page.find(mark) + mark.size();
  const json data = json::parse(page.substr(start, page.find("</script>", start) - start));
  REQUIRE(data["parts"].size() == 1);
  CHECK(data["parts"][0]["content"] == file);
  check_refused({"bench", "report", folder.file("x.json", "{}"), "--out", folder / "q.html"}, 3,
                {"x.json", "another kind"});
  check_refused({"bench", "report", folder.file("y.json", "{\"a\""), "--out", folder / "q.html"}, 3,
                {"y.json", "a part of one"});
  json cut = file;
  cut["rows"][0].erase("samples");
  check_refused({"bench", "report", folder.file("z.json", cut.dump()), "--out", folder / "q.html"}, 3,
                {"z.json", "samples"});
  CHECK_FALSE(std::filesystem::exists(folder / "q.html"));
}
