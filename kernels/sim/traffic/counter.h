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

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kantor::sim::traffic {

using races::Kind;
enum class Space : uint8_t { global, shared };

/// What a kernel did at a line. `transactions`: sectors in global memory, passes in shared memory.
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

/// From now on launches are counted; they are not checked for races meanwhile.
void start();
/// Ends the counting. Rows are in the order in which kernels were first launched, then by file and line.
std::vector<Row> stop();

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
