// The project's kernels with sizes, whose memory traffic is counted: for tests, docs/kernels/index.md and
// `kantor_traffic`.
#pragma once

#include "kernels/sim/traffic/counter.h"

#include <functional>
#include <string>
#include <vector>

namespace kantor::testing {

struct TrafficCase {
  std::string name;
  int64_t bytes_read = 0, bytes_written = 0;  // of the arrays that it is given and makes, each once
  bool quick = false;                         // takes a second or two
  std::function<void()> run;                  // makes arrays on the simulator and starts the kernels
};

/// The passes of a training step: updates, penalties, sums, normalizations, pointwise functions, copies.
std::vector<TrafficCase> pass_cases();
/// A product as `kantor bench products` writes it (bench/product_shapes.h): by the tile engine in float32 and by three
/// TF32 products, and by the kernels before it. The plans are an H100's for the product `planned`, which may be larger:
/// then a part of it runs. Throws Error for other texts.
std::vector<TrafficCase> product_cases(const std::string& shape, const std::string& planned);
/// All of docs/kernels/index.md.
std::vector<TrafficCase> page_cases();

std::vector<sim::traffic::Row> traffic_of(const TrafficCase& one);

/// The lines of a Markdown table for the kernels of a case, and the table's head.
std::string table_head();
std::string table_lines(const TrafficCase& one, const std::vector<sim::traffic::Row>& rows);

}  // namespace kantor::testing
