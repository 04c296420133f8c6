#include "models/data/derived.h"

#include "engine/error.h"
#include "engine/random.h"

#include <fmt/format.h>
#include <utility>

namespace kantor {
namespace {

class WithNoise final : public Dataset {
 public:
  WithNoise(DatasetPtr data, double deviation) : data_(std::move(data)), noisy_{data_.get(), deviation} {}
  [[nodiscard]] std::string name() const override {
    return fmt::format("{} + noise {}", data_->name(), noisy_.deviation);
  }
  [[nodiscard]] Shape sample_shape() const override { return data_->sample_shape(); }
  [[nodiscard]] int64_t size() const override { return data_->size(); }
  [[nodiscard]] const Noisy* noisy() const override { return &noisy_; }
  void draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* out) const override {
    data_->draw(seed, stream | Noisy::data_stream, step, count, out);
    HostRandom random(seed, stream | Noisy::noise_stream, step);
    const int64_t values = count * sample_shape().size();
    for (int64_t i = 0; i < values; ++i) out[i] += static_cast<float>(noisy_.deviation * random.normal());
  }

 private:
  DatasetPtr data_;
  Noisy noisy_;
};

class Sequences final : public Dataset {
 public:
  Sequences(DatasetPtr data, int64_t length) : data_(std::move(data)), length_(length) {
    if (data_->sample_shape().rank() != 1 || length < 1) {
      throw ShapeError(fmt::format("sequences of {} samples of shape {}: expected samples [D], and at least 1", length,
                                   to_string(data_->sample_shape())));
    }
  }
  [[nodiscard]] std::string name() const override { return fmt::format("{} of {}", length_, data_->name()); }
  [[nodiscard]] Shape sample_shape() const override { return {length_, data_->sample_shape()[0]}; }
  void draw(uint64_t seed, uint32_t stream, uint64_t step, int64_t count, float* out) const override {
    data_->draw(seed, stream, step, count * length_, out);
  }

 private:
  DatasetPtr data_;
  int64_t length_;
};

}  // namespace

DatasetPtr with_noise(DatasetPtr data, double deviation) {
  return std::make_shared<const WithNoise>(std::move(data), deviation);
}

DatasetPtr sequences(DatasetPtr data, int64_t length) {
  return std::make_shared<const Sequences>(std::move(data), length);
}

}  // namespace kantor
