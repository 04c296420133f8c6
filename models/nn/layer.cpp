#include "models/nn/layer.h"

#include "engine/error.h"
#include "engine/ops.h"
#include "models/files/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace kantor {
namespace {

using nlohmann::json;

/// Reads the keys of one layer, and refuses what is missing, mistyped or unknown.
class Fields {
 public:
  Fields(const json& description, size_t position) : description_(description), position_(position) {}

  int64_t integer(const std::string& key) {
    seen_.insert(key);
    const auto value = description_.find(key);
    if (value == description_.end() || !value->is_number_integer()) fail(key, "an integer");
    const auto number = value->get<int64_t>();
    if (number < 0 || number > 1 << 24) fail(key, "an integer from 0 to 16777216");
    return number;
  }
  int64_t integer_or(const std::string& key, int64_t fallback) {
    return description_.contains(key) ? integer(key) : fallback;
  }
  int64_t positive(const std::string& key) {
    const int64_t value = integer(key);
    if (value < 1) fail(key, "an integer of at least 1");
    return value;
  }
  int64_t positive_or(const std::string& key, int64_t fallback) {
    return description_.contains(key) ? positive(key) : fallback;
  }
  double slope_or(const std::string& key, double fallback) {
    seen_.insert(key);
    const auto value = description_.find(key);
    if (value == description_.end()) return fallback;
    if (!value->is_number() || !usable_slope(value->get<double>())) fail(key, "a number that is finite in float32");
    return value->get<double>();
  }
  std::vector<int64_t> shape(const std::string& key) {
    seen_.insert(key);
    const auto value = description_.find(key);
    if (value == description_.end() || !value->is_array() || value->empty() || value->size() > 5) {
      fail(key, "a list of 1 to 5 extents");
    }
    std::vector<int64_t> extents;
    for (const json& extent : *value) {
      if (!extent.is_number_integer() || extent.get<int64_t>() < 1) fail(key, "positive integers");
      extents.push_back(extent.get<int64_t>());
    }
    return extents;
  }
  /// The weights' parametrization. Orthonormal ones need a weight that, as a matrix, is the layer's whole linear map.
  Parametrization parametrization(bool whole_map = false) {
    seen_.insert("parametrization");
    const auto value = description_.find("parametrization");
    if (value == description_.end()) return Parametrization::none;
    if (*value == "spectral") return Parametrization::spectral;
    if (*value == "spectral_detached") return Parametrization::spectral_detached;
    if (*value == "weight_norm") return Parametrization::weight_norm;
    if (*value == "bjorck" && whole_map) return Parametrization::bjorck;
    if (*value == "orthonormal" && whole_map) return Parametrization::orthonormal;
    fail("parametrization", whole_map ? "spectral, spectral_detached, weight_norm, bjorck or orthonormal"
                                      : "spectral, spectral_detached or weight_norm");
  }
  void end() const {
    for (const auto& [key, value] : description_.items()) {
      if (key != "type" && !seen_.contains(key)) {
        refuse_unknown(key);
      }
    }
  }
  [[nodiscard]] std::string type() const { return description_.at("type").get<std::string>(); }

 private:
  [[noreturn]] void refuse_unknown(const std::string& key) const {
    const std::string near = nearest(key, {seen_.begin(), seen_.end()});
    throw Error(fmt::format("layer {} ({}): unknown key '{}'; {}", position_, type(), key,
                            near.empty() ? fmt::format("known are type, {}", fmt::join(seen_, ", "))
                                         : fmt::format("did you mean {}?", near)));
  }
  [[noreturn]] void fail(const std::string& key, const std::string& expected) const {
    const auto value = description_.find(key);
    if (value == description_.end()) {  // perhaps misspelled
      for (const auto& [other, unused] : description_.items()) {
        if (other != "type" && !seen_.contains(other) && nearest(other, {key}) == key) refuse_unknown(other);
      }
    }
    throw Error(fmt::format("layer {} ({}): key '{}' is {}, expected {}", position_, type(), key,
                            value == description_.end() ? "missing" : value->dump(), expected));
  }

  const json& description_;
  size_t position_;
  std::set<std::string> seen_;
};

Layer activation(Activation::Kind kind) {
  return ActivationLayer{{kind}};
}

ConvParams params_of(Fields& f) {
  const int64_t stride = f.integer_or("stride", 1);
  return {stride, f.integer_or("padding", 0)};
}

using Parser = Layer (*)(Fields&);
const std::map<std::string, Parser>& parsers() {
  using Kind = Activation::Kind;
  static const std::map<std::string, Parser> table{
      {"linear",
       [](Fields& f) -> Layer {
         const int64_t in = f.positive("in");
         const int64_t out = f.positive("out");
         return LinearLayer{in, out, f.parametrization(true)};
       }},
      {"conv2d",
       [](Fields& f) -> Layer {
         const int64_t in = f.positive("in"), out = f.positive("out"), kernel = f.positive("kernel");
         const ConvParams window = params_of(f);
         return ConvLayer{in, out, kernel, window, f.parametrization()};
       }},
      {"conv_transpose2d",
       [](Fields& f) -> Layer {
         const int64_t in = f.positive("in"), out = f.positive("out"), kernel = f.positive("kernel");
         const ConvParams window = params_of(f);
         return ConvTransposeLayer{in, out, kernel, window, f.integer_or("output_padding", 0)};
       }},
      {"relu", [](Fields&) { return activation(Kind::relu); }},
      {"leaky_relu",
       [](Fields& f) -> Layer {
         return ActivationLayer{{Kind::leaky_relu, f.slope_or("slope", 0.2)}};
       }},
      {"tanh", [](Fields&) { return activation(Kind::tanh); }},
      {"sigmoid", [](Fields&) { return activation(Kind::sigmoid); }},
      {"softplus", [](Fields&) { return activation(Kind::softplus); }},
      {"group_sort", [](Fields& f) -> Layer { return GroupSortLayer{f.positive_or("group", 2)}; }},
      {"flatten", [](Fields&) -> Layer { return FlattenLayer{}; }},
      {"reshape", [](Fields& f) -> Layer { return ReshapeLayer{f.shape("shape")}; }},
      {"batch_norm", [](Fields& f) -> Layer { return BatchNormLayer{f.positive("channels")}; }},
      {"layer_norm", [](Fields& f) -> Layer { return LayerNormLayer{f.shape("shape")}; }},
      {"rnn",
       [](Fields& f) -> Layer {
         const int64_t in = f.positive("in");
         const int64_t hidden = f.positive("hidden");
         return RnnLayer{in, hidden, f.parametrization()};
       }},
  };
  return table;
}

/// Throws unless `fits`.
void require(bool fits, size_t position, const std::string& expected, const Shape& sample) {
  if (!fits) {
    throw ShapeError(
        fmt::format("layer {}: a sample of shape {} comes in, expected {}", position, to_string(sample), expected));
  }
}

}  // namespace

Layer parse_layer(const json& description, size_t position) {
  if (!description.is_object() || !description.contains("type") || !description["type"].is_string()) {
    throw Error(fmt::format("layer {}: {} is no object with a \"type\"", position, description.dump()));
  }
  const auto type = description["type"].get<std::string>();
  const auto parser = parsers().find(type);
  if (parser == parsers().end()) {
    std::vector<std::string> known;
    for (const auto& [name, unused] : parsers()) known.push_back(name);
    const std::string near = nearest(type, known);
    throw Error(fmt::format(
        "layer {}: unknown type '{}'; {}", position, type,
        near.empty() ? fmt::format("known are {}", fmt::join(known, ", ")) : fmt::format("did you mean {}?", near)));
  }
  Fields fields(description, position);
  Layer layer = parser->second(fields);
  fields.end();
  return layer;
}

Parametrization parametrization_of(const Layer& layer) {
  if (const auto* linear = std::get_if<LinearLayer>(&layer)) return linear->parametrization;
  if (const auto* conv = std::get_if<ConvLayer>(&layer)) return conv->parametrization;
  if (const auto* rnn = std::get_if<RnnLayer>(&layer)) return rnn->parametrization;
  return Parametrization::none;
}

Shape infer_sample(const Layer& layer, const Shape& sample, size_t position) {
  struct Infer {
    const Shape& sample;
    size_t position;

    Shape operator()(const LinearLayer& l) const {
      require(sample == Shape{l.in}, position, fmt::format("[{}] (\"in\" of linear)", l.in), sample);
      return {l.out};
    }
    Shape operator()(const ConvLayer& l) const {
      require(sample.rank() == 3 && sample[0] == l.in, position, fmt::format("[{}, H, W]", l.in), sample);
      const int64_t pad = 2 * l.window.padding;
      require(l.window.stride > 0 && sample[1] + pad >= l.kernel && sample[2] + pad >= l.kernel, position,
              fmt::format("an image that holds a kernel of {} with padding {} and a stride of at least 1", l.kernel,
                          l.window.padding),
              sample);
      return {l.out, (sample[1] + pad - l.kernel) / l.window.stride + 1,
              (sample[2] + pad - l.kernel) / l.window.stride + 1};
    }
    Shape operator()(const ConvTransposeLayer& l) const {
      require(sample.rank() == 3 && sample[0] == l.in, position, fmt::format("[{}, H, W]", l.in), sample);
      const auto out = [&](int64_t extent) {
        return (extent - 1) * l.window.stride - 2 * l.window.padding + l.kernel + l.output_padding;
      };
      require(l.window.stride > 0 && l.output_padding < l.window.stride && out(sample[1]) > 0 && out(sample[2]) > 0,
              position, "sizes that give an image, and an output padding below the stride", sample);
      return {l.out, out(sample[1]), out(sample[2])};
    }
    Shape operator()(const ActivationLayer&) const { return sample; }
    Shape operator()(const GroupSortLayer& l) const {
      require((sample.rank() == 1 || sample.rank() == 3) && sample[0] % l.group == 0, position,
              fmt::format("[features] or [C, H, W] with features or channels in whole groups of {}", l.group), sample);
      return sample;
    }
    Shape operator()(const FlattenLayer&) const { return {sample.size()}; }
    Shape operator()(const ReshapeLayer& l) const {
      const Shape target{std::span<const int64_t>(l.shape)};
      require(target.size() == sample.size(), position, fmt::format("{} elements", target.size()), sample);
      return target;
    }
    Shape operator()(const BatchNormLayer& l) const {
      require(sample.rank() >= 1 && sample[0] == l.channels, position, fmt::format("{} channels", l.channels), sample);
      return sample;
    }
    Shape operator()(const LayerNormLayer& l) const {
      const Shape shape{std::span<const int64_t>(l.shape)};
      require(sample == shape, position, to_string(shape), sample);
      return sample;
    }
    Shape operator()(const RnnLayer& l) const {
      require(sample.rank() == 2 && sample[1] == l.in && sample[0] > 0, position, fmt::format("[T, {}]", l.in), sample);
      return {l.hidden};
    }
  };
  return std::visit(Infer{sample, position}, layer);
}

}  // namespace kantor
