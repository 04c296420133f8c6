// The counter of memory traffic: what the warps of kernels ask of global and of shared memory, by source line, beside
// the fewest transactions that would do. It needs no GPU, and says nothing of time.
//
// The accesses of the lanes that execute an instruction together (path.h) are one access of their warp (rules.h). They
// are counted as g++ compiles the kernel at -O1: nvcc may read a number once where g++ reads it twice, and may join
// accesses that lie side by side. Packs and vectors are one access, as they are copied whole; a structure of other
// sizes counts as several, each of the largest power of two that divides its size. What lies in registers or in a
// kernel's parameters is not counted.
#pragma once

#include "kernels/sim/races/access.h"
#include "kernels/sim/traffic/rules.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kantor::sim::traffic {

using races::Kind;
/// `peer`: the shared memory of another block of the cluster, in sectors of 32 bytes, as CUDA's tuning guide for Hopper
/// advises.
enum class Space : uint8_t { global, shared, peer };

/// What a kernel did at a line. `transactions`: sectors in global memory and in a peer's, passes in shared memory.
struct Row {
  std::string kernel;
  std::string file;
  int line = 0;  // 0 where it is not known
  Space space{};
  Kind kind{};
  int64_t accesses = 0;  // of warps
  int64_t bytes = 0;     // that their lanes asked for
  Transactions transactions;
};

/// How often a kernel was launched with the same shape.
struct Launches {
  std::string kernel;
  int64_t launches = 0, blocks = 0;  // blocks of one launch
  int threads = 0;                   // of a block
  size_t shared_bytes = 0;           // dynamic
};

/// One access of a warp, to be drawn. All of an instruction are of one warp: of those that run it first, between two
/// barriers, the lowest. `offset`: of each lane, in bytes from the start of its array in global memory or of dynamic
/// shared memory; in static shared memory from the lowest word that the samples of the kernel touch there.
struct Sample {
  Row of;                  // its line
  int array = 0;           // number of the array in global memory, in the order in which samples first touch them
  bool is_static = false;  // static shared memory
  uintptr_t begin = 0;     // of that array; 0 in static shared memory
  int64_t block = 0;       // of the launch, counted as they run
  int warp = 0;            // of the block
  int bytes = 0;           // of a lane
  uint32_t lanes = 0;
  std::array<int64_t, 32> offset{};
};

/// From now on launches are counted; they are not checked for races meanwhile. Of each instruction the first accesses
/// are kept, as many as `samples` says.
void start(int samples = 0);
/// Ends the counting. Rows are in the order in which kernels were first launched, then by file and line.
std::vector<Row> stop();
/// Of what was counted last: launches by kernel and shape, and the samples, both in the order in which they came first.
std::vector<Launches> launches();
std::vector<Sample> samples();

/// The sums of the rows of a kernel (its name begins with `kernel`; "" for all), in one space and of one kind, at lines
/// of files whose names end in `file`.
Row total(const std::vector<Row>& rows, const std::string& kernel, Space space, Kind kind,
          const std::string& file = "");

// Called by the checker of races and by what the compiler inserts (races/instrumentation.cpp).

/// Between start and stop.
inline constinit bool counting = false;
/// The running thread accesses [address, address + bytes).
void access(uintptr_t address, size_t bytes, Kind kind, Space space, const void* pc);
/// The running thread calls a function, returns from one, begins a basic block.
void enter(const void* call);
void leave();
void pass(const void* block);

}  // namespace kantor::sim::traffic
