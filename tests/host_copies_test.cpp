// Copies that the host does not wait for: what they bring, and what the simulator says of a host that does not wait
// where it must.
#include "engine/host_copies.h"

#include "engine/error.h"
#include "engine/in_place.h"
#include "engine/ops.h"
#include "engine/runtime.h"
#include "engine/step.h"
#include "tests/catch.h"
#include "tests/watched_runtime.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

using namespace kantor;

namespace {

constexpr Device sim_device{Device::Kind::sim, 0};

std::vector<Device> devices() {
  std::vector<Device> found{{}, sim_device};
  const Device gpu{Device::Kind::cuda, 0};
  if (why_unavailable(gpu).empty()) found.push_back(gpu);
  return found;
}

std::vector<float> values_of(const Download& download) {
  const View view = download.view();
  return {view.as<float>(), view.as<float>() + view.size()};
}

}  // namespace

TEST_CASE("host copies: each upload is in order with the work around it, and so is each download") {
  for (const Device device : devices()) {
    INFO(to_string(device));
    const Tensor x = zeros({2, 2}, {DType::float32, device}), sum = zeros({2, 2}, {DType::float32, device});
    Upload upload(x);
    Download download(sum);
    std::vector<float> expected(4);
    for (float step = 1; step <= 5; ++step) {
      std::vector<float> values{step, 2 * step, -step, 0.5f};
      for (size_t i = 0; i < values.size(); ++i) expected[i] += values[i];
      upload(values);
      std::fill(values.begin(), values.end(), 99.f);  // they have been read
      blend(sum, x, 1, 1);
      download.start();
      if (device.kind != Device::Kind::cpu) blend(sum, x, 1, 7);  // after what the host is to see
      CHECK(values_of(download) == expected);
      if (device.kind != Device::Kind::cpu) blend(sum, x, 1, -7);
    }
  }
}

TEST_CASE(
    "host copies: a download holds zeros before the first, and the last one's values until the next is waited for") {
  const Tensor x = ones({3}, {DType::float32, sim_device});
  Download download(x);
  CHECK(values_of(download) == std::vector<float>{0, 0, 0});
  download.start();
  CHECK(values_of(download) == std::vector<float>{1, 1, 1});
  x.copy_from(full({3}, 2, {DType::float32, sim_device}));
  CHECK(values_of(download) == std::vector<float>{1, 1, 1});
  download.start();
  CHECK(values_of(download) == std::vector<float>{2, 2, 2});
}

TEST_CASE("host copies: uploads wait for no step, unless a third comes before the first is known to have ended") {
  testing::WatchedRuntime runtime;
  const Tensor x = zeros({3}, {DType::float32, sim_device});
  Upload upload(x);
  Download download(x);
  runtime.waits = 0;
  upload(std::vector<float>{1, 2, 3});
  upload(std::vector<float>{4, 5, 6});
  download.start();
  CHECK(runtime.waits == 0);
  CHECK(values_of(download) == std::vector<float>{4, 5, 6});
  CHECK(runtime.waits == 1);
  for (int i = 0; i < 2; ++i) upload(std::vector<float>{7, 8, 9});
  CHECK(runtime.waits == 1);
  upload(std::vector<float>{10, 11, 12});
  CHECK(runtime.waits == 2);
  CHECK(x.to_vector<float>() == std::vector<float>{10, 11, 12});
}

TEST_CASE("host copies: the simulator tells of a host that writes what a copy still reads") {
  Runtime& runtime = kantor::runtime(sim_device);
  const Tensor x = zeros({4}, {DType::float32, sim_device});
  auto* memory = static_cast<float*>(runtime.allocate_host(4 * sizeof(float)));
  std::fill(memory, memory + 4, 1.f);
  const std::unique_ptr<DeviceMark> mark = runtime.make_mark();
  runtime.start_copy_in(x.view().data, memory, 4 * sizeof(float));
  mark->set();
  memory[2] = 5;
  CHECK_THROWS_WITH(mark->wait(), Contains("while a copy from it was under way"));
  runtime.start_copy_in(x.view().data, memory, 4 * sizeof(float));
  mark->set();
  mark->wait();
  memory[2] = 6;
  CHECK_NOTHROW(runtime.synchronize());
  runtime.release_host(memory);
}

TEST_CASE("host copies: refusals") {
  for (const Device device : devices()) {
    INFO(to_string(device));
    const Tensor x = zeros({3}, {DType::float32, device});
    Upload upload(x);
    Download download(x);
    CHECK_THROWS_AS(upload(std::vector<float>{1, 2}), ShapeError);
    CHECK_THROWS_AS(Step([&] { upload(std::vector<float>{1, 2, 3}); }, device)(), CaptureError);
    CHECK_THROWS_AS(Step([&] { download.start(); }, device)(), CaptureError);
    CHECK(x.to_vector<float>() == std::vector<float>{0, 0, 0});
  }
}
