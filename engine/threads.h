// Threads of the host that the engine's work may use.
#pragma once

namespace kantor {

/// At least 1; throws Error below. Results do not depend on it. Before the first op: not while another thread works.
void set_threads(int count);
int threads();

}  // namespace kantor
