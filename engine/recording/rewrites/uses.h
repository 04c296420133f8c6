// Which calls use a buffer, without a look at all of them. Internal to the rewrites.
#pragma once

#include "engine/recording/recording.h"

#include <cstddef>
#include <optional>
#include <unordered_map>
#include <vector>

namespace kantor {

/// The calls that read and write each buffer of a recording. While it lives, calls change through it alone.
class Uses {
 public:
  explicit Uses(Recording& recording);

  /// The one call that writes any of a buffer, and the one that reads any of it; none where there are none or several.
  [[nodiscard]] std::optional<size_t> only_writer(const Buffer& buffer) const;
  [[nodiscard]] std::optional<size_t> only_reader(const Buffer& buffer) const;
  /// The last call that reads any of a buffer.
  [[nodiscard]] std::optional<size_t> last_reader(const Buffer& buffer) const;
  /// The last call before `end` that writes any of a place.
  [[nodiscard]] std::optional<size_t> last_writer(const Operand& place, size_t end) const;
  /// Whether one of the calls [begin, end) writes any of a place; whether one writes or reads any of it.
  [[nodiscard]] bool written(const Operand& place, size_t begin, size_t end) const;
  [[nodiscard]] bool used(const Operand& place, size_t begin, size_t end) const;

  /// Puts another call in place of call i.
  void change(size_t i, RecordedCall call);
  /// Moves all of a buffer into another one, in every call. The caller keeps `from` alive.
  void move_buffer(const Buffer& from, const std::shared_ptr<Buffer>& to, size_t offset);
  /// As Recording does.
  void remove(const std::vector<bool>& marks);
  /// As the function in order.h does.
  size_t replace_both(size_t i, size_t j, const std::vector<bool>& after, RecordedCall both);

 private:
  /// Of one buffer: the numbers of the calls that write and read it, in no order, each once.
  struct OfBuffer {
    std::vector<size_t> writers, readers;
  };
  [[nodiscard]] const OfBuffer& of(const Buffer& buffer) const;
  /// Makes the operands of a call known, and unknown.
  void enter(size_t number);
  void leave(size_t number);
  void count_places(size_t begin);

  Recording& recording_;
  std::vector<size_t> numbers_, places_;  // of each place in the list the call's number, of each number its place
  std::unordered_map<const Buffer*, OfBuffer> uses_;
};

}  // namespace kantor
