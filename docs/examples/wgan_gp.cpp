// A WGAN-GP on eight Gaussians in the plane, by the public header alone.
#include <cstdio>
#include <kantor/kantor.h>

int main() {
  using namespace kantor;
  const Device device = find_device("auto");
  const int64_t batch = 256, latent = 2, critic_steps = 5;
  const uint64_t seed = 1;
  const OptimizerConfig adam{.rule = "adam", .learning_rate = 1e-3, .beta1 = 0.5, .beta2 = 0.9};
  NetworkOptions start{.tensor = {DType::float32, device}, .initialization = Initialization::he_uniform, .seed = seed};
  Critic critic(mlp({.in = 2, .out = 1, .width = 128}), {2},
                {.constraint = {.kind = "penalty", .lambda = 0.1}, .optimizer = adam, .network = start});
  start.stream = stream_generator_weights;
  Generator generator(mlp({.in = latent, .out = 2, .width = 128}), latent, {.optimizer = adam, .network = start});

  const DatasetPtr data = gaussians8();
  const Tensor real = zeros({critic_steps * batch, 2}, {DType::float32, device});
  const Tensor counter = zeros({}, {DType::int64, device}), estimate = zeros({}, {DType::float32, device});
  const auto train = [&] {
    increment(counter);
    for (int64_t k = 0; k < critic_steps; ++k) {
      const Tensor x = slice(real, 0, k * batch, (k + 1) * batch).detach();
      const Tensor z = normal({batch, latent}, Draw{seed, stream_critic_noise, counter, k * batch * latent});
      const CriticBatch both{x, generator(z).detach(), {}, {}, {seed, stream_eps, counter, k * batch}};
      estimate.copy_from(critic.update(both).wasserstein);
    }
    generator.update(critic, normal({batch, latent}, Draw{seed, stream_generator_noise, counter}));
  };
  Step step(train, device);  // writes the ops of train() down once, and replays them
  for (uint64_t i = 1; i <= 1500; ++i) {
    real.assign(data->draw(seed, stream_data, i, critic_steps * batch));
    step();
    if (i % 500 == 0) std::printf("step %4d: the critic's estimate is %.3f\n", static_cast<int>(i), estimate.item());
  }
  const Tensor z = normal({1000, latent}, seed, stream_pictures, counter);
  const MixtureScore score = score_mixture(generator.sampler()(z, Mode::evaluate).to_vector<float>(), *data->mixture());
  std::printf("%d of %d modes, %.0f %% near one\n", score.modes, score.mode_count, 100 * score.high_quality);
  return score.modes == score.mode_count ? 0 : 1;
}
