// The index that rewrites ask which calls use a buffer, against a look at all calls, after random changes.
#include "engine/recording/rewrites/uses.h"

#include "engine/in_place.h"
#include "engine/op.h"
#include "engine/random.h"
#include "engine/recording/recorder.h"
#include "engine/transfer.h"
#include "tests/catch.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

using namespace kantor;

namespace {

/// An op that reads what it overwrites.
std::shared_ptr<const Op> increment_op() {
  const Tensor counter = zeros({}, {DType::int64, {}});
  Recorder recorder(Device{});
  const RecorderScope scope(recorder);
  increment(counter);
  return recorder.take().calls[0].op;
}

/// Calls on a few buffers, and changes of them.
class RandomCalls {
 public:
  explicit RandomCalls(uint64_t seed) : random_(seed, 0) {
    for (int i = 0; i < 6; ++i) buffers.push_back(std::make_shared<Buffer>(Buffer{64}));
  }
  RecordedCall call() {
    RecordedCall call{random_.below(3) == 0 ? increments_ : copy_op(), {}, {}};
    for (size_t i = below(4); i > 0; --i) call.inputs.push_back(operand());
    for (size_t i = 1 + below(2); i > 0; --i) call.outputs.push_back(operand());
    return call;
  }
  Operand operand() {
    return {buffers[below(buffers.size())], 4 * below(12), {Shape{1 + random_.below(4)}, DType::float32}};
  }
  /// In [0, n).
  size_t below(size_t n) { return static_cast<size_t>(random_.below(static_cast<int64_t>(n))); }
  std::vector<std::shared_ptr<Buffer>> buffers;

 private:
  HostRandom random_;
  std::shared_ptr<const Op> increments_ = increment_op();
};

bool any_in(const std::vector<Operand>& operands, const Buffer& buffer) {
  return std::any_of(operands.begin(), operands.end(), [&](const Operand& o) { return o.buffer.get() == &buffer; });
}

std::vector<size_t> writers_of(const Recording& recording, const Buffer& buffer) {
  std::vector<size_t> found;
  for (size_t i = 0; i < recording.calls.size(); ++i) {
    if (any_in(recording.calls[i].outputs, buffer)) found.push_back(i);
  }
  return found;
}

std::vector<size_t> readers_of(const Recording& recording, const Buffer& buffer) {
  std::vector<size_t> found;
  for (size_t i = 0; i < recording.calls.size(); ++i) {
    const RecordedCall& call = recording.calls[i];
    if (any_in(call.inputs, buffer) || (call.op->reads_outputs() && any_in(call.outputs, buffer))) found.push_back(i);
  }
  return found;
}

std::optional<size_t> only(const std::vector<size_t>& found) {
  return found.size() == 1 ? std::optional(found[0]) : std::nullopt;
}

void check_answers(const Recording& recording, const Uses& uses, RandomCalls& random) {
  for (const auto& buffer : random.buffers) {
    const std::vector<size_t> readers = readers_of(recording, *buffer);
    REQUIRE(uses.only_writer(*buffer) == only(writers_of(recording, *buffer)));
    REQUIRE(uses.only_reader(*buffer) == only(readers));
    REQUIRE(uses.last_reader(*buffer) == (readers.empty() ? std::nullopt : std::optional(readers.back())));
  }
  const size_t size = recording.calls.size(), begin = random.below(size + 1),
               end = begin + random.below(size + 1 - begin);
  const Operand place = random.operand();
  std::optional<size_t> last;
  bool written = false, used = false;
  for (size_t i = 0; i < end; ++i) {
    const RecordedCall& call = recording.calls[i];
    if (call.writes(place)) last = i;
    written = written || (i >= begin && call.writes(place));
    used = used || (i >= begin && (call.writes(place) || call.reads(place)));
  }
  REQUIRE(uses.last_writer(place, end) == last);
  REQUIRE(uses.written(place, begin, end) == written);
  REQUIRE(uses.used(place, begin, end) == used);
}

}  // namespace

TEST_CASE("uses: the index of a recording's calls answers as a look at all calls does, whatever changed them") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    INFO("seed " << seed);
    RandomCalls random(seed);
    Recording recording{{}, {}};
    for (int i = 0; i < 20; ++i) recording.calls.push_back(random.call());
    Uses uses(recording);
    check_answers(recording, uses, random);
    while (recording.calls.size() > 2) {
      const size_t size = recording.calls.size(), i = random.below(size - 1), j = i + 1 + random.below(size - 1 - i);
      switch (random.below(4)) {
        case 0:
          uses.change(i, random.call());
          break;
        case 1: {
          const std::shared_ptr<Buffer> from = random.buffers[random.below(random.buffers.size())];
          random.buffers.push_back(std::make_shared<Buffer>(Buffer{64}));
          uses.move_buffer(*from, random.buffers.back(), 4);
          break;
        }
        case 2: {
          std::vector<bool> marks(size);
          marks[i] = true;
          uses.remove(marks);
          break;
        }
        default: {
          std::vector<bool> after;
          for (size_t k = i + 1; k < j; ++k) after.push_back(random.below(2) == 1);
          const RecordedCall both = random.call();
          const size_t place = uses.replace_both(i, j, after, both);
          REQUIRE(recording.calls.size() == size - 1);
          REQUIRE(recording.calls[place].op == both.op);
        }
      }
      check_answers(recording, uses, random);
    }
  }
}
