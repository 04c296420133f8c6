// What instructions do that are functions of the simulator, whose accesses the compiler does not insert.
#include "kernels/sim/races.h"
#include "kernels/sim/races/checker.h"

namespace kantor::sim::races {
namespace {

void access_by_instruction(const void* data, size_t bytes, Kind kind, const void* pc) {
  const bool before = set_watching(true);
  access(data, bytes, kind, pc);
  set_watching(before);
}

}  // namespace

void reads(const void* data, size_t bytes, const void* pc) {
  access_by_instruction(data, bytes, Kind::read, pc);
}
void writes(const void* data, size_t bytes, const void* pc) {
  access_by_instruction(data, bytes, Kind::write, pc);
}
void changes(const void* data, size_t bytes, const void* pc) {
  access_by_instruction(data, bytes, Kind::atomic, pc);
}

}  // namespace kantor::sim::races
