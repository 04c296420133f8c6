// Calls change their places in the list, so they are known by a number that each has from the beginning.
#include "engine/recording/rewrites/uses.h"

#include "engine/recording/rewrites/order.h"

#include <algorithm>
#include <utility>

namespace kantor {
namespace {

void add_once(std::vector<size_t>& numbers, size_t number) {
  if (numbers.empty() || numbers.back() != number) numbers.push_back(number);
}

void take_out(std::vector<size_t>& numbers, size_t number) {
  const auto found = std::find(numbers.begin(), numbers.end(), number);
  if (found == numbers.end()) return;
  *found = numbers.back();
  numbers.pop_back();
}

}  // namespace

Uses::Uses(Recording& recording) : recording_(recording) {
  for (size_t number = 0; number < recording.calls.size(); ++number) {
    numbers_.push_back(number);
    places_.push_back(number);
    enter(number);
  }
}

const Uses::OfBuffer& Uses::of(const Buffer& buffer) const {
  static const OfBuffer none;
  const auto found = uses_.find(&buffer);
  return found == uses_.end() ? none : found->second;
}

std::optional<size_t> Uses::only_writer(const Buffer& buffer) const {
  const std::vector<size_t>& writers = of(buffer).writers;
  return writers.size() == 1 ? std::optional(places_[writers[0]]) : std::nullopt;
}

std::optional<size_t> Uses::only_reader(const Buffer& buffer) const {
  const std::vector<size_t>& readers = of(buffer).readers;
  return readers.size() == 1 ? std::optional(places_[readers[0]]) : std::nullopt;
}

std::optional<size_t> Uses::last_reader(const Buffer& buffer) const {
  std::optional<size_t> last;
  for (const size_t number : of(buffer).readers) last = std::max(last.value_or(0), places_[number]);
  return last;
}

std::optional<size_t> Uses::last_writer(const Operand& place, size_t end) const {
  std::optional<size_t> last;
  for (const size_t number : of(*place.buffer).writers) {
    const size_t at = places_[number];
    if (at < end && (!last || at > *last) && recording_.calls[at].writes(place)) last = at;
  }
  return last;
}

bool Uses::written(const Operand& place, size_t begin, size_t end) const {
  const std::vector<size_t>& writers = of(*place.buffer).writers;
  return std::any_of(writers.begin(), writers.end(), [&](size_t number) {
    const size_t at = places_[number];
    return at >= begin && at < end && recording_.calls[at].writes(place);
  });
}

bool Uses::used(const Operand& place, size_t begin, size_t end) const {
  const std::vector<size_t>& readers = of(*place.buffer).readers;
  return written(place, begin, end) || std::any_of(readers.begin(), readers.end(), [&](size_t number) {
           const size_t at = places_[number];
           return at >= begin && at < end && recording_.calls[at].reads(place);
         });
}

void Uses::change(size_t i, RecordedCall call) {
  leave(numbers_[i]);
  recording_.calls[i] = std::move(call);
  enter(numbers_[i]);
}

void Uses::move_buffer(const Buffer& from, const std::shared_ptr<Buffer>& to, size_t offset) {
  std::vector<size_t> moved = of(from).writers;
  moved.insert(moved.end(), of(from).readers.begin(), of(from).readers.end());
  std::sort(moved.begin(), moved.end());
  moved.erase(std::unique(moved.begin(), moved.end()), moved.end());
  for (const size_t number : moved) {
    leave(number);
    recording_.calls[places_[number]].move_buffer(from, to, offset);
    enter(number);
  }
}

void Uses::remove(const std::vector<bool>& marks) {
  size_t kept = 0;
  for (size_t i = 0; i < marks.size(); ++i) {
    if (marks[i]) {
      leave(numbers_[i]);
    } else {
      numbers_[kept++] = numbers_[i];
    }
  }
  numbers_.resize(kept);
  recording_.remove(marks);
  count_places(0);
}

size_t Uses::replace_both(size_t i, size_t j, const std::vector<bool>& after, RecordedCall both) {
  const size_t number = numbers_[i];
  leave(number);
  leave(numbers_[j]);
  kantor::replace_both(numbers_, i, j, after, number);
  const size_t place = kantor::replace_both(recording_.calls, i, j, after, std::move(both));
  count_places(i);
  enter(number);
  return place;
}

void Uses::enter(size_t number) {
  const RecordedCall& call = recording_.calls[places_[number]];
  for (const Operand& input : call.inputs) add_once(uses_[input.buffer.get()].readers, number);
  for (const Operand& output : call.outputs) {
    OfBuffer& uses = uses_[output.buffer.get()];
    add_once(uses.writers, number);
    if (call.op->reads_outputs()) add_once(uses.readers, number);
  }
}

void Uses::leave(size_t number) {
  const RecordedCall& call = recording_.calls[places_[number]];
  for (const std::vector<Operand>* operands : {&call.inputs, &call.outputs}) {
    for (const Operand& operand : *operands) {
      OfBuffer& uses = uses_[operand.buffer.get()];
      take_out(uses.writers, number);
      take_out(uses.readers, number);
    }
  }
}

void Uses::count_places(size_t begin) {
  for (size_t k = begin; k < numbers_.size(); ++k) places_[numbers_[k]] = k;
}

}  // namespace kantor
