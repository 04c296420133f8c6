// What the tests compare with the native program.
#include "engine/random.h"
#include "tools/lab/engine/session.h"

#include <cstring>

namespace kantor::lab {

void random(Session& /*session*/, const json& request, Answer& answer) {
  const auto seed = static_cast<uint64_t>(whole_number(request, "seed", 0, int64_t{1} << 53));
  const auto stream = static_cast<uint32_t>(whole_number(request, "stream", 0, UINT32_MAX));
  const auto step = static_cast<uint64_t>(whole_number(request, "step", 0, int64_t{1} << 53));
  const int64_t count = whole_number(request, "count", 1, 1 << 20);
  HostRandom random(seed, stream, step);
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t bits = random.bits();
    answer.integers["integers"].push_back(static_cast<int32_t>(bits));
    answer.arrays["uniforms"].push_back(uniform_from_bits(bits));
  }
}

void parameters(Session& session, const json& request, Answer& answer) {
  const Trainer& trainer = *session.arm(request).trainer;
  for (const auto& [name, network] :
       {std::pair{"critic", &trainer.critic().network()}, std::pair{"generator", &trainer.generator().network()}}) {
    std::vector<float>& all = answer.arrays[name];
    for (const Tensor& tensor : network->parameters().tensors()) {
      const std::vector<float> values = tensor.to_vector<float>();
      all.insert(all.end(), values.begin(), values.end());
    }
  }
}

}  // namespace kantor::lab
