// Other load on the machine while something is timed, which makes the timing less reliable.
#pragma once

namespace kantor {

/// Fractions of all processors' time since the watch began; zeros if the system does not report it.
struct OtherLoad {
  double others = 0;  // taken by other processes
  double steal = 0;   // taken by other virtual machines
  [[nodiscard]] bool busy() const { return others > 0.1 || steal > 0.02; }
};

class LoadWatch {
 public:
  LoadWatch();
  [[nodiscard]] OtherLoad since() const;

 private:
  struct Ticks {
    double all = 0, busy = 0, steal = 0, own = 0;  // seconds over all processors; of this process
  };
  static Ticks now();
  Ticks start_;
};

}  // namespace kantor
