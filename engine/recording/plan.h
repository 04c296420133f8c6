// Plan: a recording with addresses, ready to run. Internal to the engine.
#pragma once

#include "engine/op_call.h"
#include "engine/recording/recording.h"

#include <memory>
#include <vector>

namespace kantor {

struct Plan {
  std::vector<OpCall> calls;
  std::shared_ptr<Pool> pool;                     // has the memory of all temporaries
  std::vector<std::shared_ptr<Storage>> kept;     // what was made outside the step, and constants
  std::vector<std::shared_ptr<Storage>> written;  // those of `kept` that the step writes

  /// Runs the calls one after the other.
  void run() const;
  /// Counts the step's writes as writes (Storage::version).
  void count_writes() const;
};

/// Gives every temporary memory from its first call to its last; later ones use the same memory.
Plan make_plan(const Recording& recording);

}  // namespace kantor
