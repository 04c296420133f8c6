// TensorBoard events: TFRecord frames of tensorflow.Event messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kantor {

struct Event {
  double wall_time = 0;  // seconds since 1970
  int64_t step = 0;
  std::vector<std::pair<std::string, float>> scalars;
  std::vector<std::pair<std::string, std::vector<std::byte>>> images;  // PNG files
};
/// The beginning of a file: the format's version, and the start of a session at `step`, which makes TensorBoard drop
/// what it has read of this step and later ones.
std::string event_file_start(double wall_time, int64_t step);
/// One frame. Throws ShapeError for an image that is no PNG.
std::string encode_event(const Event& content);
/// The whole frames at the beginning of such a file before the first event after `step`.
struct EventPrefix {
  size_t bytes = 0;
  double wall_time = 0;  // of the first
};
EventPrefix events_up_to(std::span<const std::byte> file, int64_t step);

}  // namespace kantor
