// The pool of threads where there is one thread: the lab's worker.
#include "kernels/host/threads.h"

namespace kantor::host {

int threads() {
  return 1;
}

void set_threads(int /*count*/) {}

void for_each_piece(int64_t pieces, void (*call)(const void* work, int64_t piece), const void* work) {
  for (int64_t piece = 0; piece < pieces; ++piece) call(work, piece);
}

}  // namespace kantor::host
