// Fault injection for tests: one chosen write, fsync or rename fails.
#pragma once

namespace kantor {

class FaultScope {
 public:
  /// The call-th write, fsync or rename of write_file_atomically from now on fails with EIO.
  explicit FaultScope(int call);
  ~FaultScope();
  FaultScope(const FaultScope&) = delete;
  FaultScope& operator=(const FaultScope&) = delete;
  /// Whether that call was made.
  [[nodiscard]] bool reached() const;
};

}  // namespace kantor
