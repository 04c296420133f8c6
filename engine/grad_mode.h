// GradMode: whether `apply` keeps the graph that gradients are taken through. A setting of each thread.
#pragma once

namespace kantor {

/// Whether this thread keeps the graph. On at the start of every thread.
bool grad_enabled();

/// Keeps the graph, or does not, while it lives; restores the caller's setting.
class GradMode {
 public:
  explicit GradMode(bool enabled);
  ~GradMode();
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool previous_;
};

/// Keeps no graph while it lives.
class NoGrad : public GradMode {
 public:
  NoGrad() : GradMode(false) {}
};

}  // namespace kantor
