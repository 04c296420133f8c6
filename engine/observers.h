// Observers: what watches the calls of ops, on every device and in replays too. A device waits for each op meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kantor {

/// While it lives, every output of every op on this thread is checked: the first NaN or infinity throws NonFiniteError
/// with the op. A device's outputs are copied to the host.
class NanCheck {
 public:
  NanCheck();
  ~NanCheck();
  NanCheck(const NanCheck&) = delete;
  NanCheck& operator=(const NanCheck&) = delete;

 private:
  bool previous_;
};

/// What a Profile found about the ops of one name.
struct OpProfile {
  std::string op;
  int64_t calls = 0;
  double seconds = 0;  // of the device, for the op's work
};

/// Counts and times the calls of ops on this thread while it lives, by op name. Throws Error where one lives already.
class Profile {
 public:
  Profile();
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;
  /// Sorted by time, longest first.
  [[nodiscard]] std::vector<OpProfile> rows() const;
};

}  // namespace kantor
