#include "engine/observers.h"

#include "engine/op_call.h"
#include "engine/runtime.h"
#include "engine/stopwatch.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fmt/format.h>
#include <map>
#include <utility>

namespace kantor {
namespace {

thread_local bool nan_check_on = false;
thread_local std::map<std::string, OpProfile>* profile = nullptr;

template <class T>
bool all_finite(const View& view) {
  const T* data = view.as<T>();
  return std::all_of(data, data + view.size(), [](T x) { return std::isfinite(x); });
}

void check_finite(const OpCall& call) {
  std::vector<std::byte> host;
  for (const View& output : call.outputs) {
    if (!is_floating(output.dtype) || output.size() == 0) continue;
    View values = output;
    if (call.device.kind != Device::Kind::cpu) {
      host.resize(static_cast<size_t>(output.size()) * size_of(output.dtype));
      runtime(call.device).copy_out(host.data(), output.data, host.size());
      values.data = host.data();
    }
    if (!(output.dtype == DType::float32 ? all_finite<float>(values) : all_finite<double>(values))) {
      throw NonFiniteError(fmt::format("{}: NaN or infinity in its output {} {}", call.op->name(),
                                       to_string(output.dtype), to_string(output.shape)));
    }
  }
}

}  // namespace

bool observed() {
  return nan_check_on || profile != nullptr;
}

void run(const OpCall& call) {
  if (profile) {
    Stopwatch watch(call.device);
    watch.start();
    run_alone(call);
    OpProfile& row = (*profile)[call.op->name()];
    row.op = call.op->name();
    row.calls += 1;
    row.seconds += watch.stop();
  } else {
    run_alone(call);
  }
  if (nan_check_on) check_finite(call);
}

NanCheck::NanCheck() : previous_(std::exchange(nan_check_on, true)) {}
NanCheck::~NanCheck() {
  nan_check_on = previous_;
}

Profile::Profile() {
  if (profile) throw Error("a profile is already being taken on this thread; end it first");
  profile = new std::map<std::string, OpProfile>;
}

Profile::~Profile() {
  delete std::exchange(profile, nullptr);
}

std::vector<OpProfile> Profile::rows() const {
  std::vector<OpProfile> rows;
  for (const auto& [name, row] : *profile) rows.push_back(row);
  std::sort(rows.begin(), rows.end(), [](const OpProfile& a, const OpProfile& b) { return a.seconds > b.seconds; });
  return rows;
}

}  // namespace kantor
