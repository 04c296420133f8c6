#include "models/training/trainer.h"
#include "models/data/distributions.h"
#include <string>
extern "C" const char* lab_call(const char* t) {
  static std::string out;
  try {
  kantor::RunConfig c; c.batch=128; c.critic.width=c.generator.width=32; c.constraint.kind=t;
  static std::unique_ptr<kantor::Trainer> trainer;
  trainer = std::make_unique<kantor::Trainer>(c, kantor::gaussians8());
  static int n; n=std::stoi(getenv("N")?getenv("N"):"200"); for (int i=0;i<200;++i) trainer->step();
  out = std::to_string(trainer->losses().critic_estimate);
  } catch (const std::exception& e) { out = e.what(); }
  return out.c_str();
}
