#include "engine/recording/rewrites/adjacent.h"

#include "engine/runtime.h"

#include <cstring>

namespace kantor {
namespace {

/// A constant that holds the bytes of two.
std::shared_ptr<Buffer> constant_of_both(const Buffer& first, const Buffer& second, Device device) {
  auto both = std::make_shared<Buffer>();
  both->bytes = first.bytes + second.bytes;
  both->storage = current_pool(device)->allocate(both->bytes);
  both->constant = true;
  auto* to = static_cast<std::byte*>(both->storage->data);
  for (const Buffer* part : {&first, &second}) {
    if (device.kind == Device::Kind::cpu) {
      std::memcpy(to, part->storage->data, part->bytes);
    } else {
      runtime(device).copy(to, part->storage->data, part->bytes);
    }
    to += part->bytes;
  }
  return both;
}

}  // namespace

bool adjacent(const Operand& first, const Operand& second) {
  return first.buffer == second.buffer && first.end() == second.begin;
}

bool joinable(const Operand& first, const Operand& second) {
  const Buffer &a = *first.buffer, &b = *second.buffer;
  return &a != &b && ((a.temporary() && b.temporary()) || (a.constant && b.constant)) && first.end() == a.bytes &&
         second.begin == 0;
}

std::shared_ptr<Buffer> buffer_of_both(const Operand& first, const Operand& second, Device device) {
  if (first.buffer->constant) return constant_of_both(*first.buffer, *second.buffer, device);
  auto both = std::make_shared<Buffer>();
  both->bytes = first.buffer->bytes + second.buffer->bytes;
  return both;
}

Operand rows_of_both(const Operand& first, const Operand& second) {
  Operand both = first;
  both.spec.shape = first.spec.shape.with(0, first.spec.shape[0] + second.spec.shape[0]);
  return both;
}

}  // namespace kantor
