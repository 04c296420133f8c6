// Recorder: writes down the ops of a step instead of running them. Internal to the engine: `apply` fills it.
#pragma once

#include "engine/recording/recording.h"

#include <map>
#include <memory>
#include <span>
#include <vector>

namespace kantor {

class Recorder {
 public:
  explicit Recorder(Device device);

  void record(std::shared_ptr<const Op> op, std::span<const Tensor> inputs, std::span<const Value> outputs);
  /// What was recorded; the recorder is empty then.
  [[nodiscard]] Recording take();
  /// Where the step's own temporaries come from while it is recorded. Nothing is ever written to them.
  [[nodiscard]] const std::shared_ptr<Pool>& pool() const { return pool_; }

 private:
  [[nodiscard]] Operand operand(const Value& value);
  [[nodiscard]] std::shared_ptr<Buffer> buffer_of(const std::shared_ptr<Storage>& storage);

  /// A storage that was freed has given its address to another one, whose buffer is another one too.
  struct Seen {
    std::weak_ptr<Storage> storage;
    std::shared_ptr<Buffer> buffer;
  };
  std::shared_ptr<Pool> pool_;
  std::map<const Storage*, Seen> seen_;
  std::map<const Buffer*, uint64_t> writes_;
  Recording recording_;
};

/// The recorder of this thread, or null.
Recorder* recorder();

/// While it lives, this thread records, and its temporaries come from the recorder's pool.
class RecorderScope {
 public:
  explicit RecorderScope(Recorder& recorder);
  ~RecorderScope();
  RecorderScope(const RecorderScope&) = delete;
  RecorderScope& operator=(const RecorderScope&) = delete;

 private:
  PoolScope pool_;
};

/// Throws CaptureError naming `action` while this thread records.
void forbid_in_capture(const char* action);

}  // namespace kantor
