// Launches: limits of the hardware, capture and replay, blocks side by side on host threads.
#include "kernels/sim/launch.h"

#include "kernels/host/threads.h"
#include "kernels/sim/block.h"
#include "kernels/sim/device_memory.h"
#include "kernels/sim/races.h"
#include "kernels/sim/simulator.h"
#include "kernels/sim/traffic.h"
#include "kernels/sim/traffic_shape.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <random>
#include <utility>

namespace kantor::sim {

/// A launch with its arguments, or a copy.
struct Graph::Node {
  std::string_view kernel;
  LaunchShape shape;
  void (*call)(const void*) = nullptr;
  std::vector<std::max_align_t> arguments;
  size_t argument_bytes = 0;
  void* to = nullptr;
  const void* from = nullptr;
  size_t copy_bytes = 0;
};

namespace {

constexpr uint64_t most_threads = 1024, most_shared_bytes = 227 * 1024;
constexpr uint64_t most_blocks_x = 0x7fffffff, most_blocks_yz = 65535;
constexpr unsigned most_cluster = 8;  // on every GPU that has clusters

std::atomic<Order> thread_order{Order::forward};
std::atomic<uint64_t> order_seed{0};
thread_local std::vector<Graph::Node>* capture = nullptr;

std::string text_of(dim3 d) {
  return "(" + std::to_string(d.x) + "," + std::to_string(d.y) + "," + std::to_string(d.z) + ")";
}

void check_limits(const KernelLaunch& launch) {
  const auto refuse = [&](const std::string& what) {
    throw KernelError("kernel " + std::string(launch.kernel) + ": " + what);
  };
  const dim3 grid = launch.shape.grid, block = launch.shape.block;
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads < 1 || threads > most_threads || block.z > 64) {
    refuse("a block of " + text_of(block) + " threads; 1 to 1024 are possible, at most 64 in z");
  }
  if (grid.x < 1 || grid.y < 1 || grid.z < 1 || grid.x > most_blocks_x || grid.y > most_blocks_yz ||
      grid.z > most_blocks_yz) {
    refuse("a grid of " + text_of(grid) + " blocks; 1 to 2147483647 in x and 65535 in y and z are possible");
  }
  const unsigned cluster = launch.shape.cluster;
  if (cluster < 1 || cluster > most_cluster) {
    refuse("clusters of " + std::to_string(cluster) + " blocks; 1 to 8 are possible");
  }
  if (grid.x % cluster != 0) {
    refuse("a grid of " + text_of(grid) + " blocks in clusters of " + std::to_string(cluster) +
           " along x, which must divide it");
  }
  if (launch.shape.shared_bytes > most_shared_bytes) {
    refuse(std::to_string(launch.shape.shared_bytes) + " bytes of dynamic shared memory; 232448 are possible");
  }
}

std::string place_of(uint64_t block, dim3 grid) {
  return "(" + std::to_string(block % grid.x) + "," + std::to_string(block / grid.x % grid.y) + "," +
         std::to_string(block / grid.x / grid.y) + ")";
}

[[noreturn]] void refuse(const KernelLaunch& launch, uint64_t block, const std::string& what) {
  throw KernelError("kernel " + std::string(launch.kernel) + ", block " + place_of(block, launch.shape.grid) + ", " +
                    what);
}

/// `blocks` blocks from `first` on, whole clusters, that run at the same time: they take turns on this host thread,
/// each until it has to wait for others.
void run_together(const KernelLaunch& launch, uint64_t first, uint64_t blocks, Order order, uint64_t seed) {
  thread_local std::vector<std::unique_ptr<BlockRunner>> runners;
  while (runners.size() < blocks) runners.push_back(std::make_unique<BlockRunner>());
  std::vector<uint64_t> left(blocks);
  std::vector<Cluster> clusters(blocks / launch.shape.cluster);
  for (uint64_t b = 0; b < blocks; ++b) {
    left[b] = order == Order::reverse ? blocks - 1 - b : b;
    Cluster& cluster = clusters[b / launch.shape.cluster];
    cluster.blocks.push_back(runners[b].get());
    runners[b]->begin(launch, first + b, cluster, order, seed);
  }
  if (order == Order::random) std::shuffle(left.begin(), left.end(), std::mt19937_64(seed));
  while (!left.empty()) {
    bool advanced = false;
    for (const uint64_t block : left) {
      BlockRunner& runner = *runners[block];
      if (!runner.can_advance()) continue;
      advanced = true;
      if (runner.advance() == BlockRunner::Outcome::failed) refuse(launch, first + block, runner.error());
    }
    if (!advanced) refuse(launch, first + left.front(), runners[left.front()]->error());
    std::erase_if(left, [&](uint64_t block) { return runners[block]->is_finished(); });
  }
}

/// Runs the blocks of a launch. Throws the error of the lowest block that failed.
void run(const KernelLaunch& launch) {
  const DeviceAccess access;
  races::launch_begins(launch.shape.cluster);
  traffic::launch_begins(launch.kernel);
  const uint64_t blocks = uint64_t{launch.shape.grid.x} * launch.shape.grid.y * launch.shape.grid.z;
  const dim3 threads = launch.shape.block;
  traffic::launch_has(blocks, static_cast<int>(threads.x * threads.y * threads.z), launch.shape.shared_bytes);
  const Order order = thread_order;
  const uint64_t seed = order_seed;
  if (launch.shape.cooperative) return run_together(launch, 0, blocks, order, seed);
  const unsigned cluster = launch.shape.cluster;
  const auto one = [&](int64_t piece) {
    thread_local BlockRunner runner;
    const auto block = static_cast<uint64_t>(piece);
    if (cluster > 1) return run_together(launch, block * cluster, cluster, order, seed);
    Cluster alone{{&runner}, 0, 0, {}};
    runner.begin(launch, block, alone, order, seed);
    if (runner.advance() != BlockRunner::Outcome::finished) refuse(launch, block, runner.error());
  };
  const auto pieces = static_cast<int64_t>(blocks / cluster);
#ifdef KANTOR_SIM_CHECKED  // static shared memory exists once for all threads
  for (int64_t piece = 0; piece < pieces; ++piece) one(piece);
#else
  host::for_each_piece(pieces, one);
#endif
}

}  // namespace

void set_order(Order order, uint64_t seed) {
  thread_order = order;
  order_seed = seed;
}

void submit(const KernelLaunch& launch) {
  check_limits(launch);
  if (capture == nullptr) return run(launch);
  Graph::Node node{launch.kernel, launch.shape, launch.call, {}, launch.argument_bytes, nullptr, nullptr, 0};
  node.arguments.resize((launch.argument_bytes + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t));
  std::memcpy(node.arguments.data(), launch.arguments, launch.argument_bytes);
  capture->push_back(std::move(node));
}

void check_pointer(std::string_view kernel, int position, const void* pointer) {
  if (pointer == nullptr || is_device_memory(pointer)) return;
  require_device_memory(pointer, "kernel " + std::string(kernel) + ": parameter " + std::to_string(position));
}

void copy(void* to, const void* from, size_t bytes, Stream) {
  require_device_memory(to, "simulator: the target of a copy on the device");
  require_device_memory(from, "simulator: the source of a copy on the device");
  if (capture != nullptr) {
    capture->push_back({{}, {}, nullptr, {}, 0, to, from, bytes});
    return;
  }
  const DeviceAccess access;
  std::memmove(to, from, bytes);
}

void Graph::launch() const {
  const DeviceAccess access;  // once, not for every launch in it
  for (const Node& node : *nodes_) {
    if (node.call != nullptr) {
      run({node.kernel, node.shape, node.call, node.arguments.data(), node.argument_bytes});
    } else {
      copy(node.to, node.from, node.copy_bytes, nullptr);
    }
  }
}

int64_t Graph::launches() const {
  return static_cast<int64_t>(nodes_->size());
}

void begin_capture() {
  if (capture != nullptr) throw KernelError("simulator: a capture is begun inside a capture; end the first one");
  capture = new std::vector<Graph::Node>;
}

Graph end_capture() {
  if (capture == nullptr) throw KernelError("simulator: no capture to end; begin one");
  Graph graph;
  graph.nodes_.reset(std::exchange(capture, nullptr));
  return graph;
}

void abandon_capture() noexcept {
  delete std::exchange(capture, nullptr);
}

}  // namespace kantor::sim
