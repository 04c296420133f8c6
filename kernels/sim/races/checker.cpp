// Happens-before, whatever order the threads happened to run in (Lamport 1978; the state kept for each word is that of
// FastTrack, Flanagan and Freund 2009, cut to CUDA's two orders).
//
// Within a block, a barrier orders all accesses before it before all those after it: an epoch. Within a warp, between
// two barriers, __syncwarp does so for its lanes: a vector clock a lane. Shuffles, votes and the other collectives
// exchange values and order no memory, as CUDA's guide says. Launches follow each other. Between the blocks of one
// launch, fences with atomics order what a block did before with what another one does after (publication.h), and so do
// the barriers of a cluster, whose blocks also touch each other's shared memory, which begins unwritten.
#include "kernels/sim/races/checker.h"

#include "kernels/sim/block.h"
#include "kernels/sim/races.h"
#include "kernels/sim/races/publication.h"
#include "kernels/sim/races/shadow.h"
#include "kernels/sim/races/source_line.h"
#include "kernels/sim/traffic/counter.h"

#include <algorithm>
#include <array>
#include <link.h>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kantor::sim::races {
namespace {

using Clock = std::array<uint32_t, 32>;  // of the lanes of a warp

/// What belongs to one block.
struct Block {
  uint64_t index = 0;
  uint32_t epoch = 0;
  std::array<std::array<Clock, 32>, 32> clocks{};  // [warp][lane]: what the lane knows of the others
  Knowledge knowledge;
  Region dynamic_shared;
};

/// One for the program: the checked builds run one block at a time. Those of a cooperative launch take turns.
struct Checker {
  Shadow shadow;
  bool watching = false;
  uint32_t launch = 0;
  uint64_t cluster = 1;                               // blocks of one
  std::map<uint64_t, std::unique_ptr<Block>> blocks;  // of the launch
  std::vector<Region> spare;                          // dynamic shared memory of blocks that are gone
  Block* block = nullptr;                             // that runs
  Access unwritten_read{};  // the first read in the launch of shared memory that nobody had written
  std::string unwritten;
  PublishedWords published;

  /// An access of the running thread to a whole word.
  [[nodiscard]] Access access_now(Kind kind, const void* pc) const;
  void check(Region& region, uintptr_t address, const Access& now);
  void remember(Region& region, Word& word, Access now) const;

 private:
  [[nodiscard]] bool counts(const Region& region, const Access& earlier) const;
  [[nodiscard]] bool ordered(const Access& earlier, const Access& now) const;
  [[nodiscard]] bool clash(const Region& region, const Access& earlier, const Access& now) const;
  const Access* clashing(Region& region, const Word& word, const Access& now) const;
  void remember_unordered(Region& region, Word& word, Access now) const;
};

/// Never destroyed: device memory may be given back after everything else.
Checker& checker() {
  static auto* const instance = new Checker;
  return *instance;
}

/// Whether an access is of this launch and, in shared memory, of this block, or of the cluster of the one that owns it:
/// later blocks have the same shadow.
bool Checker::counts(const Region& region, const Access& earlier) const {
  if (earlier.launch != launch) return false;
  if (region.memory == Memory::dynamic_shared) return earlier.block / cluster == region.block / cluster;
  return region.memory == Memory::global || earlier.block == block->index;
}

bool Checker::ordered(const Access& earlier, const Access& now) const {
  if (earlier.block != now.block) return block->knowledge.ordered(earlier, now);
  if (earlier.thread == now.thread || earlier.epoch != now.epoch) return true;
  if (earlier.warp() != now.warp()) return false;
  const auto lane = static_cast<size_t>(now.lane()), other = static_cast<size_t>(earlier.lane());
  return block->clocks[static_cast<size_t>(now.warp())][lane][other] >= earlier.clock;
}

bool Checker::clash(const Region& region, const Access& earlier, const Access& now) const {
  if (earlier.kind == now.kind && now.kind != Kind::write) return false;
  return counts(region, earlier) && (earlier.bytes & now.bytes) != 0 && !ordered(earlier, now);
}

/// An earlier access that races with this one, or null.
const Access* Checker::clashing(Region& region, const Word& word, const Access& now) const {
  if (clash(region, word.write, now)) return &word.write;
  if (word.recent.kind == now.kind && now.kind != Kind::write) return nullptr;
  if (clash(region, word.other, now)) return &word.other;
  if (clash(region, word.recent, now)) return &word.recent;
  if (word.lanes == 0 || !counts(region, word.recent)) return nullptr;
  const Lanes& lanes = region.lanes[word.lanes - 1];
  for (size_t lane = 0; lane < 32; ++lane) {
    if ((lanes.present >> lane & 1) != 0 && clash(region, lanes.of[lane], now)) return &lanes.of[lane];
  }
  return nullptr;
}

/// Called after the check: every race with `now` has been reported.
void Checker::remember(Region& region, Word& word, Access now) const {
  if (now.kind != Kind::write) return remember_unordered(region, word, now);
  if (word.write.same_moment(now)) now.bytes |= word.write.bytes;
  word.write = now;
  word.recent = word.other = {};
  if (word.lanes != 0) region.lanes_of(word).present = 0;
}

void Checker::remember_unordered(Region& region, Word& word, Access now) const {
  Access &recent = word.recent, &other = word.other;
  const auto set_recent = [&] {
    recent = now;
    if (word.lanes != 0) region.lanes_of(word).present = 0;
  };
  if (!counts(region, recent) || recent.kind != now.kind) {
    other = {};
    return set_recent();
  }
  if (other.launch != 0 && ordered(other, now)) other = {};
  if (recent.epoch != now.epoch && recent.block == now.block) return set_recent();
  if (!recent.same_warp(now)) {
    if (other.launch == 0) other = now;
    return;
  }
  if (recent.same_moment(now)) now.bytes |= recent.bytes;
  if (recent.thread == now.thread && (word.lanes == 0 || region.lanes_of(word).present == 0)) {
    recent = now;
    return;
  }
  Lanes& lanes = region.lanes_of(word);
  for (const Access& access : {recent, now}) {
    lanes.of[access.lane()] = access;
    lanes.present |= 1U << access.lane();
  }
  recent = now;
}

std::string text_of(uint64_t index, dim3 extent) {
  return "(" + std::to_string(index % extent.x) + "," + std::to_string(index / extent.x % extent.y) + "," +
         std::to_string(index / extent.x / extent.y) + ")";
}

const char* text_of(Kind kind) {
  switch (kind) {
    case Kind::read:
      return "read";
    case Kind::write:
      return "write";
    case Kind::atomic:
      return "atomic";
  }
  return "";
}

std::string text_of(const Region& region, uintptr_t address, uint64_t by) {
  const std::string byte = "byte " + std::to_string(address - region.begin);
  switch (region.memory) {
    case Memory::global:
      return "global memory (" + byte + " of a buffer of " + std::to_string(region.bytes) + ")";
    case Memory::static_shared:
      return "static shared memory";
    case Memory::dynamic_shared:
      return "dynamic shared memory " + (region.block == by ? "" : "of block " + text_of(region.block, gridDim) + " ") +
             "(" + byte + " of " + std::to_string(region.bytes) + ")";
  }
  return "";
}

const char* advice(const Region& region, const Access& earlier, const Access& now) {
  if (earlier.block != now.block) {
    if (region.memory == Memory::dynamic_shared) return "; put a cluster_barrier() between them";
    return "; the blocks of a launch run in any order: give each its own words, let both be integer atomics, let a "
           "barrier, __threadfence() and an atomic come between them in both blocks, or take a second launch";
  }
  if (earlier.warp() == now.warp()) {
    return "; put a __syncwarp() of both lanes, or a __syncthreads(), between them: shuffles and votes order no memory";
  }
  return "; put a __syncthreads() between them";
}

/// "data race on ...: this read at a.cu:3 and the write of thread (1,0,0) at a.cu:2 are in no order; put ..."
std::string report(const Region& region, uintptr_t address, const Access& earlier, const Access& now) {
  const std::string whose = (earlier.block != now.block ? "block " + text_of(earlier.block, gridDim) + ", " : "") +
                            "thread " + text_of(earlier.thread, blockDim);
  return "data race on " + text_of(region, address, now.block) + ": this " + text_of(now.kind) + " at " +
         source_line(now.pc) + " and the " + text_of(earlier.kind) + " of " + whose + " at " + source_line(earlier.pc) +
         " are in no order" + advice(region, earlier, now);
}

/// threadIdx and the like, which are also among the host thread's variables, but which the scheduler writes.
bool is_index(uintptr_t address) {
  const auto within = [address](const auto& variable) {
    return address - reinterpret_cast<uintptr_t>(&variable) < sizeof variable;
  };
  return within(threadIdx) || within(blockIdx) || within(blockDim) || within(gridDim) || within(thread_in_block);
}

Access Checker::access_now(Kind kind, const void* pc) const {
  const auto thread = static_cast<size_t>(thread_in_block), lane = thread % 32;
  return {
      pc,  block->index, launch, block->epoch, block->clocks[thread / 32][lane][lane], static_cast<uint16_t>(thread),
      0xf, kind};
}

void Checker::check(Region& region, uintptr_t address, const Access& now) {
  Word& word = region.word(address);
  if (unwritten_read.launch != launch && region.memory != Memory::global && now.kind != Kind::write &&
      !counts(region, word.write) && !is_index(address)) {
    unwritten_read = now;  // reported at the block's end: a later write may make it a race, which says more
    unwritten = text_of(region, address, now.block);
  }
  if (const Access* earlier = clashing(region, word, now); earlier != nullptr) {
    BlockRunner::current().fail(report(region, address, *earlier, now));
  }
  remember(region, word, now);
}

}  // namespace

void memory_begins(void* data, size_t bytes) {
  checker().shadow.add(reinterpret_cast<uintptr_t>(data), bytes);
}
void memory_ends(void* data) {
  checker().shadow.remove(reinterpret_cast<uintptr_t>(data));
}

/// Static shared memory is among the variables of the host thread: those of the program itself, its first module.
void launch_begins(unsigned cluster) {
  ++checker().launch;
  checker().cluster = cluster;
  checker().published.clear();
  checker().block = nullptr;
  checker().shadow.set_dynamic({});
  checker().blocks.clear();
  dl_iterate_phdr(
      [](dl_phdr_info* part, size_t, void*) {
        for (int i = 0; i < part->dlpi_phnum; ++i) {
          if (part->dlpi_phdr[i].p_type != PT_TLS || part->dlpi_tls_data == nullptr) continue;
          checker().shadow.move_static(reinterpret_cast<uintptr_t>(part->dlpi_tls_data), part->dlpi_phdr[i].p_memsz);
        }
        return 1;
      },
      nullptr);
}

void block_begins(uint64_t index, void* dynamic_shared, size_t bytes) {
  Checker& c = checker();
  std::unique_ptr<Block>& block = c.blocks[index];
  block = std::make_unique<Block>();
  block->index = index;
  if (!c.spare.empty()) {
    block->dynamic_shared = std::move(c.spare.back());
    c.spare.pop_back();
  }
  block->dynamic_shared.begin = reinterpret_cast<uintptr_t>(dynamic_shared);
  block->dynamic_shared.memory = Memory::dynamic_shared;
  block->dynamic_shared.block = index;
  block->dynamic_shared.reserve(bytes);
  for (auto& warp : block->clocks) {
    for (size_t lane = 0; lane < 32; ++lane) warp[lane][lane] = 1;
  }
  block_resumes(index);
}

void block_resumes(uint64_t index) {
  Checker& c = checker();
  if (c.block != nullptr && c.block->index == index) return;
  c.block = c.blocks.at(index).get();
  std::vector<Region*> reached;
  const uint64_t first = index - index % c.cluster;
  for (auto at = c.blocks.lower_bound(first); at != c.blocks.lower_bound(first + c.cluster); ++at) {
    reached.push_back(&at->second->dynamic_shared);
  }
  c.shadow.set_dynamic(std::move(reached));
}

std::string block_ends() {
  Checker& c = checker();
  c.spare.push_back(std::move(c.block->dynamic_shared));  // its words stay: those of other blocks do not count
  c.blocks.erase(c.block->index);
  c.block = nullptr;
  c.shadow.set_dynamic({});
  const Access& read = c.unwritten_read;
  if (read.launch != checker().launch) return {};
  return "thread " + text_of(read.thread, blockDim) + ": the " + text_of(read.kind) + " at " + source_line(read.pc) +
         " finds " + checker().unwritten +
         " that no thread of the block had written; write it, and let a barrier follow";
}

uintptr_t array_of(uintptr_t address) {
  const Region* region = checker().shadow.find(address);
  return region != nullptr && region->memory != Memory::static_shared ? region->begin : 0;
}

bool watching() {
  return checker().watching;
}

bool set_watching(bool on) {
  return std::exchange(checker().watching, on);
}

void fence() {
  Checker& c = checker();
  if (!c.watching) return;
  const Pause pause;
  c.block->knowledge.fence(static_cast<uint16_t>(thread_in_block), c.block->epoch);
}

void barrier() {
  ++checker().block->epoch;
}

void cluster_barrier(uint64_t first) {
  Checker& c = checker();
  std::vector<Published> all;
  for (uint64_t index = first; index < first + c.cluster; ++index) {
    Block& block = *c.blocks.at(index);
    block.knowledge.tell(all);
    add(all, {index, ++block.epoch, no_thread});
  }
  for (uint64_t index = first; index < first + c.cluster; ++index) {
    Block& block = *c.blocks.at(index);
    block.knowledge.learn(all, index, block.epoch);
  }
}

void warp_barrier(int warp, uint32_t lanes) {
  auto& clocks = checker().block->clocks[static_cast<size_t>(warp)];
  Clock joined{};
  for (size_t lane = 0; lane < 32; ++lane) {
    if ((lanes >> lane & 1) == 0) continue;
    for (size_t k = 0; k < 32; ++k) joined[k] = std::max(joined[k], clocks[lane][k]);
  }
  for (size_t lane = 0; lane < 32; ++lane) {
    if ((lanes >> lane & 1) == 0) continue;
    clocks[lane] = joined;
    ++clocks[lane][lane];
  }
}

void access(const volatile void* data, size_t bytes, Kind kind, const void* pc) {
  Checker& c = checker();
  if (!c.watching) return;
  const Pause pause;
  const auto begin = reinterpret_cast<uintptr_t>(data), end = begin + bytes;
  Region* region = c.shadow.find(begin);
  if (region == nullptr) return;
  if (traffic::counting) {
    using traffic::Space;
    if (is_index(begin)) return;
    const bool is_peers = region->memory == Memory::dynamic_shared && region->block != c.block->index;
    const Space space = region->memory == Memory::global ? Space::global : is_peers ? Space::peer : Space::shared;
    return traffic::access(begin, bytes, kind, space, pc);
  }
  Access now = c.access_now(kind, pc);
  for (uintptr_t word = begin / 4 * 4; word < end; word += 4) {
    unsigned touched = 0xf;
    if (word < begin) touched &= 0xfU << (begin - word);
    if (word + 4 > end) touched &= 0xfU >> (word + 4 - end);
    now.bytes = static_cast<uint8_t>(touched);
    c.check(*region, word, now);
  }
  if (kind == Kind::atomic && region->memory == Memory::global) c.block->knowledge.atomic(c.published[begin], now);
}

void lands(const void* data, size_t bytes, const void* pc) {
  Checker& c = checker();
  const auto begin = reinterpret_cast<uintptr_t>(data);
  Region* region = c.shadow.find(begin);
  if (region == nullptr || traffic::counting) return;
  const Access now = c.access_now(Kind::write, pc);
  for (uintptr_t word = begin; word < begin + bytes; word += 4) c.remember(*region, region->word(word), now);
}

}  // namespace kantor::sim::races
