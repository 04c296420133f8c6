// The race checker: it reports each planted race with kernel, block, both threads and both lines, and nothing where
// there is none: not in the correct twins of the planted kernels, and not in any kernel of the project.
#include "engine/arena.h"
#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/random.h"
#include "tests/catch.h"
#include "tests/op_table.h"
#include "tests/sim/bugs.h"
#include "tests/sim/support.h"

#include <limits>
#include <regex>

using namespace kantor;
using namespace kantor::testing;
namespace bugs = kantor::sim::bugs;

namespace {

constexpr Device device{Device::Kind::sim, 0};

struct Planted {
  std::function<void(bool right)> run;
  std::vector<std::string> texts;
};

int* integers(const Array& a) {
  return reinterpret_cast<int*>(a.get());
}

Tensor on_device(const Tensor& tensor, DType dtype) {
  return (is_floating(tensor.dtype()) ? tensor.to(dtype) : tensor).to(device);
}

/// The case's ops and those of its first derivatives.
void run_with_derivatives(const Case& c, DType dtype) {
  std::vector<Tensor> inputs, wanted;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    inputs.push_back(on_device(c.inputs[i], dtype));
    if (c.differentiable[i]) wanted.push_back(inputs.back());
  }
  grad(sum(square(c.fn(inputs))), wanted);
}

void run_rows(const std::vector<OpRow>& rows, int cases) {
  uint32_t index = 0;
  for (const OpRow& row : rows) {
    HostRandom random(2029, 1, index++);
    for (int k = 0; k < cases; ++k) {
      INFO(row.name << ", case " << k);
      const Case c = row.sample(random);
      CHECK_NOTHROW(run_with_derivatives(c, k % 2 == 0 ? DType::float32 : DType::float64));
    }
  }
}

}  // namespace

TEST_CASE("sim: planted races are found in every order of threads, and their twins pass") {
  const Array x(256), y(256);
  const std::string shared = "on static shared memory";
  const std::string lanes = "put a __syncwarp() of both lanes", blocks = "the blocks of a launch run in any order";
  const std::vector<Planted> planted{
      {[&](bool right) {
         right ? bugs::with_barrier(y.get(), 256, nullptr) : bugs::missing_barrier(y.get(), 256, nullptr);
       },
       {"kernel neighbour_kernel<false>", shared}},
      {[&](bool right) { bugs::warp_reduction(right, y.get(), nullptr); },
       {"kernel warp_reduction_kernel", "on dynamic shared memory", " of 128)", lanes}},
      {[&](bool right) { bugs::half_warps(right, y.get(), nullptr); }, {"kernel half_warps_kernel", shared, lanes}},
      {[&](bool right) { bugs::shuffle_is_no_barrier(right, y.get(), nullptr); },
       {"kernel shuffle_is_no_barrier_kernel", shared, lanes}},
      {[&](bool right) { bugs::tiles(right, x.get(), y.get(), nullptr); }, {"kernel tiles_kernel", shared}},
      {[&](bool right) { bugs::all_write_one(right, y.get(), nullptr); },
       {"kernel all_write_one_kernel", "on global memory (byte 0 of a buffer of 1024)", "this write", "the write of"}},
      {[&](bool right) { bugs::blocks_overlap(right, y.get(), nullptr); },
       {"kernel blocks_overlap_kernel", "on global memory", "block (1,0,0)", "the write of block (0,0,0)", blocks}},
      {[&](bool right) { bugs::reads_other_block(right, y.get(), nullptr); },
       {"kernel reads_other_block_kernel", "on global memory", blocks}},
      {[&](bool right) { bugs::plain_beside_atomic(right, integers(y), nullptr); },
       {"kernel plain_beside_atomic_kernel", shared, "atomic"}},
      {[&](bool right) { bugs::reads_count_early(right, integers(x), integers(y), nullptr); },
       {"kernel reads_count_early_kernel", shared, "atomic", "read"}},
  };
  for (const Planted& p : planted) {
    INFO(p.texts[0]);
    std::vector<std::string> texts = p.texts;
    texts.insert(texts.end(), {"data race", ", block (", ", thread (", " of ", "bugs.cu:", "are in no order"});
    found([&] { p.run(false); }, texts);
    in_every_order([&] { CHECK_NOTHROW(p.run(true)); });
  }
}

TEST_CASE("sim: a last block that adds what all wrote needs a barrier, and a fence on both sides of its atomic") {
  const auto run = [](bugs::LastBlock missing) {
    const Array parts(4), total(1), arrived(2);
    bugs::last_block(missing, reinterpret_cast<unsigned long long*>(arrived.get()), parts.get(), total.get(), nullptr);
    CHECK(total.host()[0] == 10);
  };
  for (const auto missing : {bugs::LastBlock::barrier, bugs::LastBlock::fence_before, bugs::LastBlock::fence_after}) {
    INFO(static_cast<int>(missing));
    found([&] { run(missing); }, {"kernel last_block_kernel", "on global memory", "this read", "and the write of block",
                                  "__threadfence() and an atomic"});
  }
  in_every_order([&] { CHECK_NOTHROW(run(bugs::LastBlock::nothing)); });
}

TEST_CASE("sim: shared memory that no thread has written is found where it is read") {
  const Array y(256);
  found([&] { bugs::unwritten_shared(y.get(), nullptr); },
        {"kernel unwritten_shared_kernel",
         "the read at bugs.cu:", "static shared memory that no thread of the block had written"});
  found([&] { bugs::unwritten_dynamic(y.get(), nullptr); },
        {"kernel unwritten_dynamic_kernel", "dynamic shared memory (byte 124 of 128) that no thread"});
}

TEST_CASE("sim: a race is told by kernel, block, both threads and both lines") {
  const Array y(256);
  // If the compiler inlined a kernel into its caller, as g++ 14 does, the caller's line follows.
  const std::regex expected(
      R"(kernel neighbour_kernel<false>, block \(0,0,0\), thread \(\d+,0,0\): data race on static shared memory: )"
      R"(this (read|write) at bugs\.cu:\d+( \(in bugs\.cu:\d+\))? and the (read|write) of thread \(\d+,0,0\) at )"
      R"(bugs\.cu:\d+( \(in bugs\.cu:\d+\))? are in no order; put .*)");
  try {
    bugs::missing_barrier(y.get(), 256, nullptr);
    FAIL("nothing was found");
  } catch (const KernelError& error) {
    INFO(error.what());
    CHECK(std::regex_match(error.what(), expected));
  }
}

TEST_CASE("sim: no op and no derivative races") {
  run_rows(op_table(), 6);
  run_rows(large_cases(), 2);
}

TEST_CASE("sim: the optimizer does not race") {
  HostRandom random(2029, 2);
  for (const std::string& kind : optimizer_names()) {
    for (const DType dtype : {DType::float32, DType::float64}) {
      Arena parameters({{"weight", {67, 65}}, {"bias", {33}}, {"one", {}}}, {dtype, device});
      const Arena gradients = parameters.like();
      for (const Arena& arena : {parameters, gradients}) {
        for (const Tensor& t : arena.tensors()) t.copy_from(on_device(random_tensor(t.shape(), random), dtype));
      }
      const double infinity = std::numeric_limits<double>::infinity();
      Optimizer optimizer({kind}, parameters, {0.5, infinity, infinity});
      optimizer.take_histograms(true);
      CHECK_NOTHROW(optimizer.clip());
      for (int step = 0; step < 2; ++step) CHECK_NOTHROW(optimizer.update(gradients));
      CHECK(optimizer.statistics()[0].count == 67 * 65);
    }
  }
}

TEST_CASE("sim: random draws do not race") {
  const Tensor step = from_host(std::vector<int64_t>{7}, {}, {DType::int64, device});
  CHECK_NOTHROW(uniform({1, 2049}, 1, 2, step));
  CHECK_NOTHROW(normal({3, 333}, 1, 2, step, DType::float64));
  CHECK_NOTHROW(random_below({1030}, 10, 1, 2, step));
}
