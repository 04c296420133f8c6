#include "models/studies/framework/curve_run.h"

#include "models/data/open_dataset.h"
#include "models/training/evaluation.h"
#include "models/training/networks.h"

#include <utility>

namespace kantor {

using nlohmann::json;

PlaneRun::PlaneRun(const RunConfig& config, const RunPlace& place, int pairs)
    : PlaneRun(config, open_dataset(config.data), place, pairs) {}

PlaneRun::PlaneRun(const RunConfig& config, DatasetPtr data, const RunPlace& place, int pairs)
    : GanRun(config, data, place), data_(std::move(data)), pairs_(pairs) {}

void PlaneRun::prepare() {
  floor_ = w1_floor(*data_, trainer().config().eval_samples, pairs_);
}

json PlaneRun::evaluate() {
  return evaluate_samples(trainer(), *data_, floor_);
}

CriticRun::CriticRun(const CriticPlan& plan, const DatasetPtr& real, const DatasetPtr& fake, const RunPlace& place)
    : plan_(plan),
      trainer_(plan.config, critic_layers(plan.config, real->sample_shape()), real, fake, place.device, true,
               {place.fused}) {}

json train_alone(CurveRun& run) {
  run.prepare();
  return run.numbers(train_alone({run.training(), run.schedule(), [&] { return run.evaluate(); }}));
}

}  // namespace kantor
