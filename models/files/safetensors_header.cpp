#include "models/files/safetensors_header.h"

#include "models/files/bytes.h"

#include <nlohmann/json.hpp>
#include <unordered_set>

namespace kantor {

namespace {

/// Reads the header's JSON event by event and accepts only what the format allows, so that neither depth nor
/// duplicate keys can use up memory.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const std::string& file) : file_(file) {}

  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;

  bool start_object(size_t) override {
    switch (place_) {
      case Place::start:
        return go(Place::header);
      case Place::header_value:
        if (key_ == "__metadata__") return go(Place::metadata);
        entries.push_back({key_, {}, {}, {}, 0});
        return go(Place::tensor);
      default:
        unexpected("an object");
    }
  }
  bool end_object() override {
    if (place_ == Place::tensor && entries.back().seen != 7) {
      refuse(file_, "tensor {} lacks one of dtype, shape and data_offsets", quote(entries.back().name));
    }
    return go(place_ == Place::header ? Place::end : Place::header);
  }
  bool key(std::string& key) override {
    if (place_ == Place::header) {
      if (!names_.insert(key).second) refuse(file_, "the header has {} twice", quote(key));
      key_ = key;
      return go(Place::header_value);
    }
    if (place_ == Place::metadata) {
      if (metadata.contains(key)) refuse(file_, "the metadata have {} twice", quote(key));
      key_ = key;
      return go(Place::metadata_value);
    }
    const unsigned index = key == "dtype" ? 0 : key == "shape" ? 1 : key == "data_offsets" ? 2 : 3;
    SafetensorsEntry& entry = entries.back();
    if (index == 3) {
      refuse(file_, "tensor {} has the key {}, expected dtype, shape and data_offsets", quote(entry.name), quote(key));
    }
    if ((entry.seen >> index & 1U) != 0) refuse(file_, "tensor {} has {} twice", quote(entry.name), key);
    entry.seen |= 1U << index;
    return go(index == 0 ? Place::dtype : index == 1 ? Place::shape_value : Place::offsets_value);
  }
  bool string(std::string& text) override {
    if (place_ == Place::metadata_value) {
      metadata[key_] = text;
      return go(Place::metadata);
    }
    if (place_ != Place::dtype) unexpected("the string " + quote(text));
    entries.back().dtype = text;
    return go(Place::tensor);
  }
  bool start_array(size_t) override {
    if (place_ == Place::shape_value) return go(Place::shape);
    if (place_ == Place::offsets_value) return go(Place::offsets);
    unexpected("a list");
  }
  bool end_array() override { return go(Place::tensor); }
  bool number_unsigned(uint64_t value) override {
    if (place_ == Place::shape && value <= INT64_MAX && entries.back().shape.size() < 64) {
      entries.back().shape.push_back(static_cast<int64_t>(value));
    } else if (place_ == Place::offsets && entries.back().offsets.size() < 2) {
      entries.back().offsets.push_back(value);
    } else {
      unexpected(fmt::format("the number {}", value));
    }
    return true;
  }
  bool number_integer(int64_t value) override { unexpected(fmt::format("the negative number {}", value)); }
  bool number_float(double, const std::string& text) override { unexpected("the number " + text); }
  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("a boolean"); }
  bool binary(binary_t&) override { unexpected("binary data"); }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& error) override {
    refuse(file_, "the header is no JSON at its byte {}: {}", position, quote_message(error.what()));
  }

 private:
  enum class Place {
    start,           // expecting the header's object
    header,          // in it
    header_value,    // after one of its keys
    metadata,        // in __metadata__
    metadata_value,  // after one of its keys
    tensor,          // in a tensor's object
    dtype,           // after these keys of it
    shape_value,
    shape,  // in these lists
    offsets_value,
    offsets,
    end
  };

  bool go(Place place) {
    place_ = place;
    return true;
  }
  [[noreturn]] void unexpected(const std::string& found) const {
    constexpr std::string_view expected[] = {"an object",
                                             "a key",
                                             "an object for each tensor",
                                             "a key",
                                             "a string for each key of __metadata__",
                                             "a key",
                                             "a string as dtype",
                                             "a list as shape",
                                             "numbers in [0, 2^63) as shape",
                                             "a list as data_offsets",
                                             "two numbers in [0, 2^64) as data_offsets",
                                             "nothing more"};
    refuse(file_, "the header holds {}{}, expected {}", found, key_.empty() ? "" : " at " + quote(key_),
           expected[static_cast<size_t>(place_)]);
  }
  /// nlohmann's texts quote the input: printable characters only.
  static std::string quote_message(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return text.substr(0, 200);
  }

  const std::string& file_;
  Place place_ = Place::start;
  std::string key_;
  std::unordered_set<std::string> names_;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& file) {
  HeaderReader reader(file);
  nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
  return {std::move(reader.entries), std::move(reader.metadata)};
}

}  // namespace kantor
