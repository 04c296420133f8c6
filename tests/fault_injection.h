// Fault injection: one chosen write, fsync or rename of the process fails, as if the disk had. The test program is
// linked so that its calls of these go through here (tests/CMakeLists.txt); the product knows nothing of it.
#pragma once

namespace kantor::testing {

class FaultInjection {
 public:
  /// The call-th write, fsync or rename from now on fails with EIO; calls count from 1.
  explicit FaultInjection(int call);
  ~FaultInjection();
  FaultInjection(const FaultInjection&) = delete;
  FaultInjection& operator=(const FaultInjection&) = delete;
  /// Whether that call was made.
  [[nodiscard]] bool reached() const;
};

}  // namespace kantor::testing
