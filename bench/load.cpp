#include "bench/load.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace kantor {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

}  // namespace

/// /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
LoadWatch::Ticks LoadWatch::now() {
  Ticks ticks;
  std::ifstream file("/proc/stat");
  std::string word;
  file >> word;
  const auto hertz = static_cast<double>(sysconf(_SC_CLK_TCK));
  for (int field = 0; field < 8; ++field) {
    double value = 0;
    if (!(file >> value)) return {};
    value /= hertz;
    ticks.all += value;
    if (field == 7) ticks.steal = value;
    if (field != 3 && field != 4 && field != 7) ticks.busy += value;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  ticks.own = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  return ticks;
}

LoadWatch::LoadWatch() : start_(now()) {}

OtherLoad LoadWatch::since() const {
  const Ticks end = now();
  const double all = end.all - start_.all;
  if (all <= 0) return {};
  const double others = (end.busy - start_.busy - (end.own - start_.own)) / all;
  return {std::max(0.0, others), std::max(0.0, (end.steal - start_.steal) / all)};
}

}  // namespace kantor
