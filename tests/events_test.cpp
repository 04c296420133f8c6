// TensorBoard's events, read back by a reader of the test's own: frames, checksums bit by bit, protobuf field by field.
#include "engine/error.h"
#include "models/files/png.h"
#include "models/files/tensorboard.h"
#include "tests/formats.h"
#include "tests/program.h"

#include <cstring>
#include <map>
#include <set>

using namespace kantor;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

template <class T>
T number_at(const std::string& bytes, size_t at) {
  T value{};
  REQUIRE(at + sizeof value <= bytes.size());
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// CRC-32C by polynomial division over the bits, most significant first: no table, no reflected constant.
uint32_t crc32c_by_division(const std::string& bytes) {
  uint32_t remainder = 0xffffffff;
  for (const char byte : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      const uint32_t in = static_cast<unsigned char>(byte) >> bit & 1U;
      const bool divides = (remainder >> 31 ^ in) != 0;
      remainder = remainder << 1 ^ (divides ? 0x1edc6f41U : 0);
    }
  }
  uint32_t reflected = 0;
  for (int bit = 0; bit < 32; ++bit) reflected |= (remainder >> bit & 1U) << (31 - bit);
  return ~reflected;
}

uint32_t masked_checksum(const std::string& bytes) {
  const uint32_t crc = crc32c_by_division(bytes);
  return (crc >> 15 | crc << 17) + 0xa282ead8U;
}

/// The messages of a file, each checked against its two checksums.
std::vector<std::string> frames(const std::string& file) {
  std::vector<std::string> messages;
  for (size_t at = 0; at < file.size();) {
    const auto length = number_at<uint64_t>(file, at);
    REQUIRE(length <= file.size() - at - 16);
    REQUIRE(number_at<uint32_t>(file, at + 8) == masked_checksum(file.substr(at, 8)));
    messages.push_back(file.substr(at + 12, length));
    REQUIRE(number_at<uint32_t>(file, at + 12 + length) == masked_checksum(messages.back()));
    at += 16 + length;
  }
  return messages;
}

/// The fields of a protobuf message: number and content, a varint's eight bytes.
std::multimap<int, std::string> fields(const std::string& message) {
  std::multimap<int, std::string> result;
  size_t at = 0;
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = number_at<uint8_t>(message, at++);
      value |= uint64_t{byte & 127U} << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.size()) {
    const uint64_t key = varint();
    std::string content;
    if (key % 8 == 0) {
      const uint64_t value = varint();
      content.assign(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      REQUIRE((key % 8 == 1 || key % 8 == 2 || key % 8 == 5));
      const size_t size = key % 8 == 1 ? 8 : key % 8 == 5 ? 4 : varint();
      REQUIRE(size <= message.size() - at);
      content = message.substr(at, size);
      at += size;
    }
    result.emplace(static_cast<int>(key / 8), content);
  }
  return result;
}

std::string field(const std::string& message, int number) {
  const auto all = fields(message);
  REQUIRE(all.count(number) == 1);
  return all.find(number)->second;
}

struct DecodedEvent {
  double wall_time;
  int64_t step;
  std::map<std::string, float> scalars;
  std::map<std::string, std::string> images;  // messages
};

DecodedEvent decode(const std::string& message) {
  DecodedEvent event{number_at<double>(field(message, 1), 0), number_at<int64_t>(field(message, 2), 0), {}, {}};
  const auto values = fields(field(message, 5));
  for (const auto& [number, value] : values) {
    REQUIRE(number == 1);
    const auto parts = fields(value);
    if (parts.count(2) == 1) event.scalars[field(value, 1)] = number_at<float>(parts.find(2)->second, 0);
    if (parts.count(4) == 1) event.images[field(value, 1)] = parts.find(4)->second;
  }
  return event;
}

/// The decoded event files of a run folder in order. Each begins with the version and the start of a session at a step,
/// after which the earlier files have nothing.
std::vector<DecodedEvent> events_of(const fs::path& run) {
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(run)) {
    if (entry.path().filename().string().ends_with(".kantor")) files.insert(entry.path());
  }
  std::vector<DecodedEvent> events;
  for (const fs::path& file : files) {
    const std::vector<std::string> messages = frames(text_of(file));
    if (messages.empty()) continue;  // nothing is left of it
    CHECK(field(messages.at(0), 3) == "brain.Event:2");
    CHECK(number_at<int64_t>(field(field(messages.at(1), 7), 1), 0) == 1);  // SessionLog.START
    const auto begin = number_at<int64_t>(field(messages.at(1), 2), 0);
    CHECK((events.empty() || events.back().step < begin));
    for (size_t i = 2; i < messages.size(); ++i) {
      events.push_back(decode(messages[i]));
      CHECK(events.back().step >= begin);
    }
  }
  return events;
}

/// Checks that the events are the lines of metrics.jsonl, pictures included.
void check_events(const fs::path& run) {
  const std::vector<json> lines = lines_of(run);
  const std::vector<DecodedEvent> events = events_of(run);
  REQUIRE(events.size() == lines.size());
  const double start = events[0].wall_time - lines[0]["seconds"].get<double>();
  for (size_t i = 0; i < lines.size(); ++i) {
    CHECK(events[i].step == lines[i]["step"]);
    CHECK(events[i].wall_time - start == Approx(lines[i]["seconds"].get<double>()).margin(1e-5));
    size_t scalars = 0;
    for (const auto& [key, value] : lines[i].items()) {
      if (!value.is_number() || key == "step") continue;
      ++scalars;
      INFO(key);
      REQUIRE(events[i].scalars.count(key) == 1);
      CHECK(events[i].scalars.at(key) == value.get<float>());
    }
    CHECK(events[i].scalars.size() == scalars);
    CHECK(events[i].images.size() == lines[i].count("sample"));
    if (!lines[i].contains("sample")) continue;
    const std::string& image = events[i].images.at("sample");
    const std::string png = text_of(run / lines[i]["sample"].get<std::string>());
    const Image pixels = read_png(run / lines[i]["sample"].get<std::string>());
    CHECK(number_at<int64_t>(field(image, 1), 0) == pixels.height);
    CHECK(number_at<int64_t>(field(image, 2), 0) == pixels.width);
    CHECK(number_at<int64_t>(field(image, 3), 0) == pixels.channels);
    CHECK(field(image, 4) == png);
  }
}

}  // namespace

TEST_CASE("events: the test's checksum is CRC-32C") {
  CHECK(crc32c_by_division("123456789") == 0xe3069283U);            // the check value of the CRC catalogue
  CHECK(crc32c_by_division(std::string(32, '\0')) == 0x8a9136aaU);  // RFC 3720, B.4
}

TEST_CASE("events: scalars and images come back as they were written") {
  const Image gray{3, 2, 1, {1, 2, 3, 4, 5, 6}};
  const std::vector<std::byte> png = encode_png(gray);
  const Event event{1.5e9, int64_t{1} << 40, {{"w1", 0.25F}, {"critic_loss", -3e-20F}}, {{"sample", png}}};
  const std::vector<std::string> messages = frames(event_file_start(7, 3) + encode_event(event));
  REQUIRE(messages.size() == 3);
  const DecodedEvent read = decode(messages[2]);
  CHECK(read.wall_time == 1.5e9);
  CHECK(read.step == int64_t{1} << 40);
  CHECK(read.scalars == std::map<std::string, float>{{"w1", 0.25F}, {"critic_loss", -3e-20F}});
  const std::string& image = read.images.at("sample");
  CHECK(number_at<int64_t>(field(image, 1), 0) == 2);
  CHECK(number_at<int64_t>(field(image, 2), 0) == 3);
  CHECK(number_at<int64_t>(field(image, 3), 0) == 1);
  CHECK(field(image, 4).size() == png.size());
  CHECK_THROWS_AS(encode_event({0, 0, {}, {{"sample", std::vector<std::byte>(100)}}}), ShapeError);
}

TEST_CASE("events: a file is cut after a step, at a whole event") {
  std::string file = event_file_start(7, 0);
  std::vector<size_t> ends;
  for (const int64_t step : std::initializer_list<int64_t>{0, 127, 128, 1LL << 40}) {
    file += encode_event({8, step, {{"w1", 1}}, {}});
    ends.push_back(file.size());
  }
  const auto kept = [](const std::string& text, int64_t step) { return events_up_to(bytes_of(text), step); };
  CHECK(kept(file, 0).bytes == ends[0]);
  CHECK(kept(file, 127).bytes == ends[1]);
  CHECK(kept(file, 130).bytes == ends[2]);
  CHECK(kept(file, int64_t{1} << 40).bytes == ends[3]);
  CHECK(kept(file, 130).wall_time == 7);
  CHECK(kept(file, -1).bytes == 0);
  // A file that a kill cut short, or no event file at all.
  for (size_t length = 0; length < file.size(); ++length) {
    const size_t bytes = kept(file.substr(0, length), 1 << 20).bytes;
    CHECK(bytes <= length);
    CHECK(frames(file.substr(0, bytes)).size() <= 5);
  }
  CHECK(kept(std::string(100, '\xff'), 5).bytes == 0);
  CHECK(kept(std::string(100, '\0'), 5).bytes == 0);
}

TEST_CASE("events: a run folder's files say what metrics.jsonl says, and after resumes no step twice") {
  const ProgramFolder folder;
  const std::string run = folder / "run";
  REQUIRE(run_kantor(tiny_training(run)).code == 0);
  check_events(run);
  CHECK(events_of(run).size() > 3);
  const auto resume = [&](const std::string& steps) {
    const ProgramResult resumed = run_kantor({"train", "--resume", "--out", run, "--set", steps, "--quiet"});
    INFO(resumed.err);
    REQUIRE(resumed.code == 0);
    check_events(run);
  };
  // Back to the checkpoint of step 20: the lines of steps 21 to 30 are dropped and written again.
  fs::remove(run + "/checkpoints/step-0000030.safetensors");
  resume("train.steps=40");
  CHECK(events_of(run).back().step == 40);
  // A damaged file is cut, and a file of another program is left alone.
  const std::string foreign = folder.file("run/events.out.tfevents.1.other", "not Kantor's");
  (void)folder.file("run/events.out.tfevents.9999999999.kantor", "damaged");
  fs::remove(run + "/checkpoints/step-0000040.safetensors");
  resume("train.steps=50");
  CHECK(text_of(foreign) == "not Kantor's");
  // Without any checkpoint the run begins anew.
  fs::remove_all(run + "/checkpoints");
  resume("train.steps=20");
  CHECK(events_of(run).back().step == 20);
}
