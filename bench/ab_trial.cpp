// A program for `kantor bench ab` whose speed is known: it serves one row, a kernel over so many units of work, so that
// two of them differ by exactly what is planted. bench/ab_trials.py runs it.
//
// Usage: kantor_ab_trial --units N bench serve trial [--device cpu] [--threads T]
#include "bench/serve.h"
#include "engine/error.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "engine/threads.h"
#include "kernels/gradient_penalty.h"

#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace kantor;

/// The number after a word; `otherwise` if the word is not there.
int64_t number_after(const std::vector<std::string>& words, const std::string& word, int64_t otherwise) {
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == word) return std::stoll(words[i + 1]);
  }
  return otherwise;
}

/// The kernel: norm, penalty and derivative of that many rows. Its name says nothing of their number, as a slower
/// version of a kernel has the same name as the one before.
Subject planted(int64_t units) {
  constexpr int64_t width = 256;
  const Tensor g = normal({units, width}, 1, 1, zeros({}, {DType::int64, Device{}}));
  return {"planted", "trial", gradient_penalty_cost(units, width, 4),
          [g] { (void)gradient_penalty(g, PenaltyKind::two_sided, 10); }};
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> words{argv + 1, argv + argc};
    const int64_t units = number_after(words, "--units", 0), threads = number_after(words, "--threads", 1);
    if (units < 1 || threads < 1) throw Error("expected --units and --threads of at least 1");
    set_threads(static_cast<int>(threads));
    serve_subjects("trial", {planted(units)}, bench_context(Device{}), Device{}, std::cin, std::cout);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "kantor_ab_trial: " << error.what() << "\n";
    return 1;
  }
}
