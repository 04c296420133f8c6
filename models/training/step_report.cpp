#include "models/training/step_report.h"

#include <cstddef>
#include <span>
#include <utility>

namespace kantor {
namespace {

constexpr int64_t losses_count = 4;
constexpr int64_t statistics_at =
    losses_count * static_cast<int64_t>(sizeof(float)) / static_cast<int64_t>(sizeof(double));

Tensor make_buffer(const std::vector<TrainableNetwork*>& networks) {
  int64_t size = statistics_at;
  for (const TrainableNetwork* network : networks) size += network->optimizer().raw_statistics().size();
  return zeros({size}, {DType::float64, networks[0]->optimizer().raw_statistics().device()});
}

}  // namespace

StepReport::StepReport(std::vector<TrainableNetwork*> networks)
    : networks_(std::move(networks)), buffer_(make_buffer(networks_)), download_(buffer_) {
  for (int64_t k = 0; k < losses_count; ++k) {
    losses_.emplace_back(Value{{}, DType::float32, buffer_.value().storage, k});
  }
  int64_t at = statistics_at;
  for (TrainableNetwork* network : networks_) {
    Optimizer& optimizer = network->optimizer();
    const Shape shape = optimizer.raw_statistics().shape();
    optimizer.keep_statistics_in(buffer_.narrow(at, shape));
    at += shape.size();
  }
}

void StepReport::write(const CriticLoss& loss) const {
  losses_[0].copy_from(loss.loss);
  losses_[2].copy_from(loss.wasserstein);
  if (loss.term.value.defined()) losses_[3].copy_from(loss.term.value);
}

void StepReport::write_generator_loss(const Tensor& loss) const {
  losses_[1].copy_from(loss);
}

void StepReport::write(const StepLosses& losses) const {
  const double values[] = {losses.critic_loss, losses.generator_loss, losses.critic_estimate, losses.penalty};
  for (size_t k = 0; k < losses_.size(); ++k) losses_[k].assign(std::vector<float>{static_cast<float>(values[k])});
}

StepLosses StepReport::losses() const {
  const auto* values = download_.view().as<float>();
  return {values[0], values[1], values[2], values[3]};
}

void StepReport::check(int64_t step) const {
  const View view = download_.view();
  const auto* statistics = view.as<double>() + statistics_at;
  for (size_t k = 0; k < networks_.size(); ++k) {
    const Optimizer& optimizer = networks_[k]->optimizer();
    const auto size = static_cast<size_t>(optimizer.raw_statistics().size());
    networks_[k]->check_finite(step, view.as<float>()[k], optimizer.statistics(std::span(statistics, size)));
    statistics += size;
  }
}

}  // namespace kantor
