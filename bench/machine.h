// The machine's own rates, which are the limits of every row: none of them is measured by an op of this project where
// anything else can be found. They are taken in the same run as the rows.
#pragma once

#include "bench/harness.h"

#include <nlohmann/json.hpp>
#include <string>

namespace kantor {

/// The best rate that was found, and how far repetitions were apart: the time of slow ones over that of the best.
struct Rate {
  double best = 0;  // bytes or FLOPs a second; 0: not measured
  double spread = 1;
  std::string by = {};  // by what the best was made
};

struct Machine {
  /// Streams beyond the caches: a copy, an update in place, reading alone, writing alone. Bytes are those that the
  /// program asks for; a store that first fetches its line moves more.
  Rate copy, update, read, write;
  Rate product;     // of float32 matrices, all threads, or the device's
  double peak = 0;  // FLOPs a second of multiply-adds that stay in registers, at least those of the product; 0: unknown

  /// Bytes a second of a row that reads and writes so many arrays: reading costs what reading alone does, and writing
  /// what a copy, or an update in place, adds to it.
  [[nodiscard]] double bytes_per_second(const Streams& streams) const;
  [[nodiscard]] double spread(const Streams& streams) const;
  [[nodiscard]] bool disturbed() const;
  /// The better of both, rate by rate.
  void merge(const Machine& other);
};

/// Measures for about `seconds`. On `sim` the rates mean nothing, but are there.
Machine measure_machine(Device device, double seconds);

/// {"copy_bytes_per_second", "copy_spread", "copy_by", the same of update, read and write,
/// "product_flops_per_second", "product_spread", "product_by", "peak_flops_per_second"}.
nlohmann::json to_json(const Machine& machine);

/// Bytes of the host's last cache, 32 MiB at least, and little enough of the memory that is left.
int64_t last_cache();

/// FLOPs a second that all threads of this program make of multiply-adds in registers, with the widest instructions
/// that the processor has; 0 on processors that this is not written for.
double peak_flops(double seconds);

}  // namespace kantor
