// TensorBoard's event files: TFRecord frames (length, checksum, message, checksum) around tensorflow.Event messages.
// The dozen fields that are needed are written in protobuf's wire format here: that is shorter than a copy of
// TensorFlow's schema, a generator in the build and a library to link.
#include "models/files/tensorboard.h"

#include "models/files/bytes.h"
#include "models/files/png.h"

#include <array>

namespace kantor {

namespace {

template <class T>
void append_raw(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), a byte at a time.
uint32_t crc32c(std::string_view bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> entries{};
    for (uint32_t i = 0; i < entries.size(); ++i) {
      uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
      entries[i] = crc;
    }
    return entries;
  }();
  uint32_t crc = 0xffffffff;
  for (const char byte : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(byte)) & 255];
  return ~crc;
}

/// The checksum as TFRecord stores it, so that a file of checksums does not check itself.
uint32_t masked(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

std::string frame(const std::string& message) {
  std::string out;
  append_raw(out, uint64_t{message.size()});
  append_raw(out, masked(crc32c(out)));
  out += message;
  append_raw(out, masked(crc32c(message)));
  return out;
}

/// A protobuf message, field by field.
class Message {
 public:
  Message& integer(int field, uint64_t value) {
    key(field, 0);
    varint(value);
    return *this;
  }
  Message& real(int field, double value) {
    key(field, 1);
    append_raw(bytes_, value);
    return *this;
  }
  Message& real(int field, float value) {
    key(field, 5);
    append_raw(bytes_, value);
    return *this;
  }
  Message& text(int field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(int field, const Message& inner) { return text(field, inner.bytes_); }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void key(int field, unsigned wire_type) { varint(static_cast<uint64_t>(field) << 3 | wire_type); }
  void varint(uint64_t value) {
    for (; value > 127; value >>= 7) bytes_ += static_cast<char>(value | 128);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

/// tensorflow.Event: 1 wall_time, 2 step, 3 file_version, 5 summary, 7 session_log.
Message event(double wall_time, int64_t step) {
  return Message().real(1, wall_time).integer(2, static_cast<uint64_t>(step));
}

/// tensorflow.Summary.Image: 1 height, 2 width, 3 colorspace, 4 encoded_image_string.
Message summary_image(Bytes png) {
  constexpr size_t width_at = 16, height_at = 20, colour_at = 25;  // in the PNG's header
  if (!is_png(png)) throw ShapeError(fmt::format("an image of {} bytes that is no PNG, expected one", png.size()));
  const bool colour = (std::to_integer<unsigned>(png[colour_at]) & 2U) != 0;
  return Message()
      .integer(1, load<uint32_t>(png.data() + height_at, true))
      .integer(2, load<uint32_t>(png.data() + width_at, true))
      .integer(3, colour ? 3 : 1)
      .text(4, as_text(png));
}

}  // namespace

std::string event_file_start(double wall_time, int64_t step) {
  constexpr uint64_t session_start = 1;
  return frame(event(wall_time, 0).text(3, "brain.Event:2").bytes()) +
         frame(event(wall_time, step).message(7, Message().integer(1, session_start)).bytes());
}

std::string encode_event(const Event& content) {
  Message summary;  // tensorflow.Summary: 1 value {1 tag, 2 simple_value, 4 image}
  for (const auto& [tag, value] : content.scalars) summary.message(1, Message().text(1, tag).real(2, value));
  for (const auto& [tag, png] : content.images)
    summary.message(1, Message().text(1, tag).message(4, summary_image(png)));
  return frame(event(content.wall_time, content.step).message(5, summary).bytes());
}

EventPrefix events_up_to(Bytes file, int64_t step) {
  constexpr size_t before = 12, after = 4;                       // length and checksum, checksum
  constexpr size_t time_at = before + 1, step_at = before + 10;  // as `event` begins
  EventPrefix prefix;
  while (file.size() - prefix.bytes > before + after) {
    const Bytes rest = file.subspan(prefix.bytes);
    const auto length = load<uint64_t>(rest.data());
    if (length > rest.size() - before - after || length < step_at + 1 - before) break;
    uint64_t found = 0;
    for (size_t i = 0; i < 9 && step_at + i < before + length; ++i) {
      const auto byte = std::to_integer<uint64_t>(rest[step_at + i]);
      found |= (byte & 127) << (7 * i);
      if (byte < 128) break;
    }
    if (static_cast<int64_t>(found) > step) break;
    if (prefix.bytes == 0) prefix.wall_time = load<double>(rest.data() + time_at);
    prefix.bytes += before + length + after;
  }
  return prefix;
}

}  // namespace kantor
