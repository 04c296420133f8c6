// The harness of `kantor bench`: results that are wrong, not finite or not compared fail their row; rows beyond what
// the machine can do fail too; clocks and reasons of throttling are read from files and from a library like NVML.
#include "bench/load.h"
#include "bench/op_subject.h"
#include "bench/optimizer_subject.h"
#include "bench/run_suite.h"
#include "bench/step_subject.h"
#include "bench/suite.h"
#include "engine/error.h"
#include "engine/in_place.h"
#include "engine/ops.h"
#include "models/gan/gradients.h"
#include "tests/program.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>
#include <string>
#include <vector>

using namespace kantor;
using nlohmann::json;

namespace {

BenchOptions brief(Device device) {
  BenchOptions options;
  options.device = device;
  options.quick = true;
  options.min_time = 0;
  options.cold = false;
  return options;
}

OpCase doubling() {
  OpCase op{"2 x", "3 x 5", {120, 15}, {1, 1}};
  op.inputs = [](Device device) { return Tensors{random_values({3, 5}, device, 1)}; };
  op.op = [](const Tensors& in, DType) { return Tensors{in[0] * 2.0}; };
  op.allowed = 1e-6;
  return op;
}

/// Rates that make a kilobyte take a nanosecond, so that nothing is over.
Machine fast_machine() {
  Machine machine;
  for (StreamRates* rates : {&machine.copy, &machine.update, &machine.read, &machine.write}) {
    rates->take(1e9, {1e12, 1.0, "a test"});
  }
  machine.product = {1e12, 1.0, "a test"};
  return machine;
}

json row_of_one(const Subject& subject, Device device) {
  const Measurement measured = measure({subject}, brief(device)).front();
  json row = row_of(subject, measured);
  add_bound(row, subject, fast_machine(), false);
  return row;
}

const std::vector<Device> devices{{}, {Device::Kind::sim, 0}};

/// A row of bytes with these times, whose floor is a millisecond by fast_machine.
json timed_row(double seconds, double p90) {
  Subject subject{"copy of a gigabyte", "", {1'000'000'000, 0}, {}};
  Measurement measured;
  measured.warm = measured.cold = {seconds, seconds, p90, seconds, 3, {seconds, seconds, p90}};
  measured.accuracy = {0, 0};
  json row = row_of(subject, measured);
  add_bound(row, subject, fast_machine(), false);
  return row;
}

/// A shared library with NVML's functions, which tell of a GPU that is held back by its power cap. Its path.
std::string fake_nvml(const ProgramFolder& folder, const std::string& reasons) {
  const std::string source = folder.file("nvml.c", R"(
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void** d) { static int one; *d = &one; return i == 0 ? 0 : 6; }
int nvmlDeviceGetHandleByPciBusId_v2(const char* bus, void** d) { (void)bus; return nvmlDeviceGetHandleByIndex_v2(0, d); }
int nvmlDeviceGetClockInfo(void* d, int type, unsigned* mhz) {
  static unsigned sm = 1980;
  (void)d;
  *mhz = type == 1 ? sm : 2619;
  if (type == 1) sm = 1200;
  return 0;
}
int nvmlDeviceGetMaxClockInfo(void* d, int type, unsigned* mhz) { (void)d; (void)type; *mhz = 1980; return 0; }
int nvmlDeviceGetCurrentClocksThrottleReasons(void* d, unsigned long long* bits) { (void)d; *bits = )" +
                                                       reasons + R"(; return 0; }
int nvmlDeviceGetPowerUsage(void* d, unsigned* mw) { (void)d; *mw = 699500; return 0; }
int nvmlDeviceGetEnforcedPowerLimit(void* d, unsigned* mw) { (void)d; *mw = 700000; return 0; }
int nvmlDeviceGetTemperature(void* d, int sensor, unsigned* c) { (void)d; (void)sensor; *c = 83; return 0; }
)");
  const std::string library = folder / "libnvidia-ml.so.1";
  REQUIRE(std::system(fmt::format("cc -shared -fPIC -o '{}' '{}'", library, source).c_str()) == 0);
  return library;
}

}  // namespace

TEST_CASE("bench: a result is compared in the run that is timed, and what is wrong fails") {
  for (const Device device : devices) {
    INFO(to_string(device));
    const json right = row_of_one(op_subject(doubling(), device), device);
    INFO(right.dump());
    CHECK(right["passed"] == true);
    CHECK(right["error"] <= 1e-6);
    CHECK(right["launches"] == 1);  // the copy to where the result stays has vanished
    CHECK(row_failure(right).empty());

    OpCase planted = doubling();
    planted.instead = [](const Tensors& in, const Tensors& out) -> std::function<void()> {
      return [=] { out[0].copy_from(in[0] * 2.00001); };
    };
    const json wrong = row_of_one(
        [&] {
          Subject subject = op_subject(planted, device);
          subject.run_as = RunAs::called;
          return subject;
        }(),
        device);
    CHECK(wrong["passed"] == false);
    CHECK(wrong["error"] > 2e-6);
    CHECK_THAT(row_failure(wrong), Contains("off by"));

    planted.instead = [](const Tensors& in, const Tensors& out) -> std::function<void()> {
      return [=] { out[0].narrow(0, {14}).copy_from((in[0] * 2.0).narrow(0, {14})); };  // not the last one
    };
    const json unwritten = row_of_one(
        [&] {
          Subject subject = op_subject(planted, device);
          subject.run_as = RunAs::called;
          return subject;
        }(),
        device);
    CHECK(unwritten["error"].is_null());
    CHECK_THAT(row_failure(unwritten), Contains("not finite"));

    Subject unchecked = op_subject(doubling(), device);
    unchecked.make = [make = unchecked.make](Subject& made) {
      make(made);
      made.check = {};
    };
    CHECK_THAT(row_failure(row_of_one(unchecked, device)), Contains("was not compared"));
  }
}

TEST_CASE("bench: an update in place is compared, and one whose weights another has moved fails") {
  for (const Device device : devices) {
    for (const char* rule : {"sgd", "rmsprop", "adam"}) {
      INFO(to_string(device) << ", " << rule);
      const Subject subject = optimizer_subject("update", rule, 1000, device);
      const json right = row_of_one(subject, device);
      INFO(right.dump());
      CHECK(row_failure(right).empty());
      CHECK(right["error"] > 0);
      Subject moved = subject;  // the run that is checked is another update than the one it began
      moved.make = [make = subject.make](Subject& made) {
        make(made);
        made.check = [check = made.check, step = made.step] {
          step();
          return check();
        };
      };
      CHECK_THAT(row_failure(row_of_one(moved, device)), Contains("off by"));
    }
  }
}

TEST_CASE("bench: gradients of a timed step that are wrong, missing or not finite fail") {
  TrainingStep step(parse_bench_model("mlp:8:16"), "penalty", {}, {});
  const TensorFile start = step.inputs();
  step();
  TensorFile gradients = step.gradients();
  CHECK(gradient_accuracy(start, gradients, "penalty").passed());
  CHECK(!gradient_accuracy(start, gradients, "clip").passed());
  auto values = gradients.tensors[2].second.to_vector<double>();
  values[3] += 1e-3;
  gradients.tensors[2].second.assign(values);
  CHECK(!gradient_accuracy(start, gradients, "penalty").passed());
  step.restart();  // gradients that nothing has written
  CHECK(std::isinf(gradient_accuracy(start, step.gradients(), "penalty").error));
}

TEST_CASE("bench: gradients of a unit at a ReLU's kink may be those of either side, and no others") {
  TensorFile start = TrainingStep(parse_bench_model("mlp:8:16"), "penalty", {}, {}).inputs();
  constexpr size_t unit = 3;
  const auto put_unit_at = [&](double bias) {  // of the first layer, for all samples
    for (auto& [name, tensor] : start.tensors) {
      if (name != "critic.0.weight" && name != "critic.0.bias") continue;
      auto values = tensor.to_vector<double>();
      const size_t of_a_unit = values.size() / 8;
      std::fill_n(values.begin() + unit * of_a_unit, of_a_unit, name == "critic.0.bias" ? bias : 0);
      tensor = empty(tensor.shape(), {DType::float64, {}});
      tensor.assign(values);
    }
  };
  const auto gradients = [&] {
    Network critic(json::parse(start.metadata.at("critic")), {2}, {{DType::float64, {}}}),
        generator(json::parse(start.metadata.at("generator")), {2}, {{DType::float64, {}}});
    load_parameters(critic, start, "critic.");
    load_parameters(generator, start, "generator.");
    GradientRequest request;
    request.real = start.at("real");
    request.eps = start.at("eps");
    request.fake = generator_gradients(generator, critic, start.at("z").to(DType::float64)).at("sample");
    request.constraint.kind = "penalty";
    return critic_gradients(critic, request);
  };
  put_unit_at(1e-8);
  const TensorFile rounded_up = gradients();
  put_unit_at(1e-3);
  const TensorFile moved = gradients();
  put_unit_at(0);
  CHECK(gradient_accuracy(start, gradients(), "penalty").passed());
  CHECK(gradient_accuracy(start, rounded_up, "penalty").passed());
  const Accuracy off = gradient_accuracy(start, moved, "penalty");
  INFO(off.error);
  CHECK(!off.passed());
}

TEST_CASE("bench: a comparison of nothing and one of NaN do not pass") {
  CHECK(!Comparison(1).result().passed());
  Comparison equal(0), far(1e-3), nan(1e9), zero(1);
  equal.add(2, 2, 0);
  CHECK(equal.result().passed());
  far.add(1, 1.0005, 1);
  CHECK(far.result().passed());
  far.add(1, 1.002, 1);
  far.add(1, 1, 1);
  CHECK(!far.result().passed());
  nan.add(NAN, 1, 1);
  nan.add(1, 1, 1);
  CHECK(!nan.result().passed());
  zero.add(1e-30, 0, 0);
  CHECK(!zero.result().passed());
}

TEST_CASE("bench: a row beyond what the machine does fails, unless its spread explains it") {
  CHECK(timed_row(2e-3, 2e-3)["share"] == Approx(0.5));
  CHECK(timed_row(2e-3, 2e-3)["bound"] == "copy");
  CHECK(row_failure(timed_row(1e-3, 1e-3)).empty());
  CHECK(row_failure(timed_row(0.9e-3, 1.1e-3)).empty());
  const json over = timed_row(0.9e-3, 0.95e-3);
  CHECK(over["over"] == true);
  CHECK_THAT(row_failure(over), Contains("111 %"));
}

TEST_CASE("bench: what bounds a row: streams by how many arrays it reads and writes, products by their rate") {
  Machine machine;
  machine.copy.take(1e9, {10e9, 1.0, "long"});
  machine.read.take(1e9, {15e9, 1.0, "long"});
  machine.update.take(1e9, {12e9, 1.0, "long"});
  machine.write.take(1e9, {20e9, 1.0, "long"});
  machine.product.best = 1e12;
  CHECK(machine.bytes_per_second({1, 1}, 1e9) == Approx(10e9));
  CHECK(machine.bytes_per_second({1, 1, true}, 1e9) == Approx(12e9));
  CHECK(machine.bytes_per_second({3, 0}, 1e9) == Approx(15e9));
  CHECK(machine.bytes_per_second({0, 1}, 1e9) == Approx(20e9));
  CHECK(machine.bytes_per_second({2, 1}, 1e9) == Approx(3 / (2 / 15e9 + (2 / 10e9 - 1 / 15e9))));
  // A cache takes what a short one writes; the better of two measurements counts, size by size.
  Machine again;
  again.write.take(1e6, {40e9, 1.0, "short"});
  again.write.take(1e9, {18e9, 1.0, "long"});
  machine.merge(again);
  CHECK(machine.bytes_per_second({0, 1}, 1e3) == Approx(40e9));
  CHECK(machine.bytes_per_second({0, 1}, 2e6) == Approx(40e9));
  CHECK(machine.bytes_per_second({0, 1}, 3e6) == Approx(20e9));
  CHECK(machine.bytes_per_second({0, 1}, 1e11) == Approx(20e9));
  Subject subject{"product", "", {1000, 1'000'000}, {}};
  Measurement measured;
  measured.warm = {1e-5, 1e-5, 1e-5, 1e-5, 3};
  json row = row_of(subject, measured);
  add_bound(row, subject, machine, false);
  CHECK(row["bound"] == "product");
  CHECK(row["floor"] == Approx(1e-6));
  CHECK(row["share"] == Approx(0.1));
  subject.cost = {1000, 1};
  add_bound(row, subject, machine, false);
  CHECK(row["bound"] == "copy");
  CHECK(row["share"].is_null());  // it fits the caches, and was not timed without them
}

TEST_CASE("bench: filters are regular expressions or parts of a row's name, size and constraint") {
  Subject subject{"critic step", "MLP 64 x 3", {}, {}};
  subject.extra = {{"constraint", "penalty"}};
  for (const char* filter : {"", "critic", "^critic.*64", "penalty$", "64 x 3, pen"}) CHECK(selected(subject, filter));
  for (const char* filter : {"Critic", "^MLP", "clip", "critic ["}) CHECK(!selected(subject, filter));
  CHECK_THROWS_AS(run_suite({"one", {subject}},
                            [] {
                              BenchOptions options = brief({});
                              options.filter = "clip";
                              return options;
                            }()),
                  Error);
}

TEST_CASE("bench: every suite has rows of its own names on every device, and an unknown one is refused") {
  for (const Suite& suite : suites()) {
    for (const Device device : devices) {
      INFO(suite.name << " on " << to_string(device));
      CHECK(suite.subjects(brief(device)).size() >= 4);
    }
  }
  CHECK_THROWS_WITH(suite_named("cnov"), Contains("clip-vs-penalty, kernels, conv"));
}

TEST_CASE("bench: a GPU's clocks and why they were lowered are read from NVML, where it can be loaded") {
  const Device gpu{Device::Kind::cuda, 0};
  const ProgramFolder folder;
  ClockWatch watch(gpu, fake_nvml(folder, "0x1 | 0x4 | 0x40"));
  watch.sample();
  watch.sample();
  const json clocks = watch.clocks();
  INFO(clocks.dump());
  CHECK(clocks["nvml"] == "");
  CHECK(clocks["sm_mhz"] == json{1200.0, 1980.0});
  CHECK(clocks["most_sm_mhz"] == 1980);
  CHECK(clocks["memory_mhz"] == json{2619.0, 2619.0});
  CHECK(clocks["celsius"][1] == 83);
  CHECK(watch.throttle() == std::vector<std::string>{"power cap", "too hot (hardware)"});
  CHECK_THAT(watch.warning(),
             Contains("power cap") && Contains("1200 to 1980 MHz") && Contains("700 W") && Contains("83 C"));

  const ProgramFolder steady;
  ClockWatch idle(gpu, fake_nvml(steady, "0x1"));
  idle.sample();
  CHECK(idle.throttle().empty());
  CHECK(idle.warning().find("GPU") == std::string::npos);

  ClockWatch without(gpu, folder / "nothing.so");
  without.sample();
  CHECK_THAT(without.clocks()["nvml"].get<std::string>(), Contains("nothing.so"));
  CHECK(without.clocks()["sm_mhz"].is_null());
}

TEST_CASE("bench: the processors' clock is read, and one that falls is said") {
  const ProgramFolder folder;
  const std::string root = folder.path.string();
  CHECK(processor_mhz(root) == 0);
  std::filesystem::create_directories(folder.path / "proc");
  (void)folder.file("proc/cpuinfo", "processor\t: 0\ncpu MHz\t\t: 2000.5\nprocessor\t: 1\ncpu MHz\t\t: 3000.5\n");
  CHECK(processor_mhz(root) == Approx(2500.5));
  for (const char* cpu : {"cpu0", "cpu1"}) {
    std::filesystem::create_directories(folder.path / "sys/devices/system/cpu" / cpu / "cpufreq");
    (void)folder.file(fmt::format("sys/devices/system/cpu/{}/cpufreq/scaling_cur_freq", cpu), "3100000\n");
  }
  CHECK(processor_mhz(root) == Approx(3100));
  ClockWatch watch({}, "", root);
  CHECK(watch.warning().empty());
  for (const char* cpu : {"cpu0", "cpu1"}) {
    (void)folder.file(fmt::format("sys/devices/system/cpu/{}/cpufreq/scaling_cur_freq", cpu), "1500000\n");
  }
  watch.sample();
  CHECK_THAT(watch.warning(), Contains("3100 to 1500") || Contains("1500 to 3100"));
  CHECK(watch.clocks()["processor_mhz"] == json{1500.0, 3100.0});
}
