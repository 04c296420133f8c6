// The loader's queue: a ring of buffers between one producer, the thread, and one consumer, `next`.
#include "models/data/loader.h"

#include "engine/error.h"

#include <condition_variable>
#include <exception>
#include <fmt/format.h>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace kantor {

struct Loader::Queue {
  Queue(DatasetPtr dataset, const LoaderOptions& opts)
      : data(std::move(dataset)),
        options(opts),
        buffers(static_cast<size_t>(opts.depth) + 1,
                std::vector<float>(static_cast<size_t>(data->batch_shape(opts.samples).size()))),
        thread([this] { produce(); }) {}

  ~Queue() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    changed.notify_all();
    thread.join();
  }

  std::vector<float>& buffer(uint64_t index) { return buffers[index % buffers.size()]; }

  void produce() {
    try {
      for (uint64_t index = 0;; ++index) {
        {
          std::unique_lock lock(mutex);
          // The consumer still reads buffer `taken` - 1, hence one buffer more than the depth.
          changed.wait(lock, [&] { return stop || index < taken + static_cast<uint64_t>(options.depth); });
          if (stop) return;
        }
        data->draw(options.seed, options.stream, options.first_step + index, options.samples, buffer(index).data());
        {
          const std::lock_guard lock(mutex);
          ready = index + 1;
        }
        changed.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
      changed.notify_all();
    }
  }

  LoadedSamples next() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ready > taken || failure; });
    if (ready == taken) std::rethrow_exception(failure);
    const uint64_t index = taken++;
    changed.notify_all();
    return {options.first_step + index, buffer(index)};
  }

  const DatasetPtr data;
  const LoaderOptions options;
  std::vector<std::vector<float>> buffers;
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t ready = 0, taken = 0;  // buffers filled, buffers handed out
  bool stop = false;
  std::exception_ptr failure;
  std::thread thread;  // last: it starts when all other members are there
};

Loader::Loader(DatasetPtr data, const LoaderOptions& options) : data_(std::move(data)), options_(options) {
  if (options.samples < 1 || options.depth < 0) {
    throw Error(fmt::format("loader of {}: {} samples a step, {} steps ahead; expected at least 1 sample, 0 steps",
                            data_->name(), options.samples, options.depth));
  }
  if (options.depth > 0) {
    queue_ = std::make_unique<Queue>(data_, options);
  } else {
    drawn_.resize(static_cast<size_t>(data_->batch_shape(options.samples).size()));
  }
}

Loader::~Loader() = default;

LoadedSamples Loader::next() {
  return queue_ ? queue_->next() : draw();
}

std::vector<float> Loader::next(int64_t steps) {
  std::vector<float> samples;
  for (int64_t k = 0; k < steps; ++k) {
    const std::span<const float> values = next().values;
    samples.insert(samples.end(), values.begin(), values.end());
  }
  return samples;
}

LoadedSamples Loader::draw() {
  const uint64_t step = options_.first_step + steps_drawn_++;
  data_->draw(options_.seed, options_.stream, step, options_.samples, drawn_.data());
  return {step, drawn_};
}

}  // namespace kantor
