// The mbarriers of a block, and the bulk copies that blocks of its cluster start (kernels/sim/bulk_copy.h).
#include "kernels/sim/block.h"
#include "kernels/sim/bulk_copy.h"
#include "kernels/sim/places.h"
#include "kernels/sim/races.h"

#include <cstring>
#include <utility>

namespace kantor::sim {
namespace {

constexpr unsigned most_bytes = (1U << 20U) - 1;  // that a phase can count

std::string called(const char* word, Site site) {
  return std::string(word) + " at " + text_of(site) + ": ";
}

/// What is wrong with a phase that begins, or goes on, or "".
std::string wrong_phase(const Mbarrier& barrier) {
  if (barrier.missing == 0 && barrier.bytes < 0) {
    return std::to_string(-barrier.bytes) + " bytes more are copied than mbarrier_expect() announced";
  }
  if (barrier.started == barrier.ended) return "";
  return "the phase before has not been awaited: an mbarrier_wait() is missing, or mbarrier_expect() announced too few "
         "bytes";
}

}  // namespace

uintptr_t BlockRunner::offset_of(const void* own) const {
  return reinterpret_cast<uintptr_t>(own) - reinterpret_cast<uintptr_t>(dynamic_shared_.get());
}

/// What is wrong with the mbarrier at that offset of the block of that rank, or "".
std::string BlockRunner::wrong_mbarrier(uintptr_t offset, int rank, bool by_copy) const {
  if (offset % sizeof(uint64_t) != 0) return "an mbarrier lies at a multiple of 8 bytes";
  std::string wrong = wrong_visit(offset, sizeof(uint64_t), rank);
  if (!wrong.empty()) return wrong;
  const BlockRunner& block = *cluster_->blocks[static_cast<size_t>(rank)];
  const auto found = block.mbarriers_.find(offset);
  if (found == block.mbarriers_.end()) return "no mbarrier_init() has made one there in block " + block.place_in_grid();
  const Mbarrier& barrier = found->second;
  uint64_t word = 0;
  std::memcpy(&word, static_cast<const std::byte*>(block.dynamic_shared_.get()) + offset, sizeof word);
  if (word != Mbarrier::mark) {
    return "something else was written to the mbarrier that mbarrier_init() at " + text_of(barrier.site) + " made";
  }
  if (by_copy && !barrier.fenced) {
    return "no fence_mbarrier_init() has followed mbarrier_init() at " + text_of(barrier.site);
  }
  if (by_copy && &block != this && barrier.met == cluster_->passed) {
    return "no cluster_barrier() has followed mbarrier_init() at " + text_of(barrier.site) + " of block " +
           block.place_in_grid();
  }
  return "";
}

Mbarrier& BlockRunner::own_mbarrier(const uint64_t* own, const char* word, Site site) {
  std::string wrong = wrong_mbarrier(offset_of(own), rank_in_cluster(), false);
  if (!wrong.empty()) {
    wrong.insert(0, called(word, site));
    fail(std::move(wrong));
  }
  return mbarriers_.at(offset_of(own));
}

void BlockRunner::init_mbarrier(uint64_t* own, unsigned arrivals, Site site) {
  const uintptr_t offset = offset_of(own);
  std::string wrong = offset % sizeof(uint64_t) != 0 ? "an mbarrier lies at a multiple of 8 bytes"
                      : arrivals == 0                ? "a phase needs an arrival"
                                                     : wrong_visit(offset, sizeof(uint64_t), rank_in_cluster());
  if (!wrong.empty()) {
    wrong.insert(0, called("mbarrier_init", site));
    fail(std::move(wrong));
  }
  std::memcpy(static_cast<std::byte*>(dynamic_shared_.get()) + offset, &Mbarrier::mark, sizeof Mbarrier::mark);
  mbarriers_[offset] = {site, current_, false, cluster_->passed, arrivals, arrivals};
}

void BlockRunner::fence_mbarrier_init() {
  for (auto& [offset, barrier] : mbarriers_) barrier.fenced = barrier.fenced || barrier.maker == current_;
}

void BlockRunner::expect_bytes(const uint64_t* own, unsigned bytes, Site site) {
  Mbarrier& barrier = own_mbarrier(own, "mbarrier_expect", site);
  std::string wrong =
      bytes > most_bytes ? std::to_string(bytes) + " bytes; a phase counts 1048575 at most" : wrong_phase(barrier);
  if (wrong.empty()) {
    barrier.bytes += bytes;
    --barrier.missing;
    wrong = wrong_phase(barrier);
  }
  if (!wrong.empty()) {
    wrong.insert(0, called("mbarrier_expect", site));
    fail(std::move(wrong));
  }
  barrier.settle();
}

void BlockRunner::await_mbarrier(const uint64_t* own, unsigned parity, Site site, const void* pc) {
  Mbarrier& barrier = own_mbarrier(own, "mbarrier_wait", site);
  if (parity > 1) {
    std::string wrong = called("mbarrier_wait", site) + "a parity is 0 or 1, and not " + std::to_string(parity);
    fail(std::move(wrong));
  }
  if (barrier.ended % 2 != parity) return;  // it names the phase before, as on a GPU
  const unsigned target = barrier.ended + 1;
  while (barrier.started < target) {
    Thread& self = threads_[static_cast<size_t>(current_)];
    self.state = State::at_mbarrier;
    self.word = "mbarrier_wait";
    self.site = site;
    self.count = &barrier.started;
    self.target = target;
    self.mbarrier = &barrier;
    suspend();
  }
  if (barrier.ended == target) return;  // another thread was here first
  barrier.ended = target;
  for (const BulkCopy& copy : barrier.copies) {
    if (!copy.landed) std::memcpy(copy.to, copy.from, copy.bytes);
    races::lands(copy.to, copy.bytes, pc);
  }
  barrier.copies.clear();
}

/// What is wrong with a copy, or "".
std::string BlockRunner::wrong_copy(const void* to, const void* from, unsigned bytes, const uint64_t* barrier,
                                    unsigned blocks) const {
  if (proxy_fenced_[static_cast<size_t>(current_)] == 0) {
    return "no fence_async_proxy() stands between this thread's last barrier and it";
  }
  if (reinterpret_cast<uintptr_t>(from) % 16 != 0 || offset_of(to) % 16 != 0 || bytes % 16 != 0 || bytes == 0) {
    return std::to_string(bytes) + " bytes to byte " + std::to_string(offset_of(to)) + " of shared memory, from byte " +
           std::to_string(reinterpret_cast<uintptr_t>(from) % 16) + " of 16: all three must be multiples of 16";
  }
  if (blocks == 0 || blocks >> static_cast<unsigned>(blocks_of_cluster()) != 0) {
    return "it names blocks that a cluster of " + std::to_string(blocks_of_cluster()) + " does not have, or none";
  }
  for (int rank = 0; rank < blocks_of_cluster(); ++rank) {
    if ((blocks >> static_cast<unsigned>(rank) & 1U) == 0) continue;
    std::string wrong = wrong_visit(offset_of(to), bytes, rank);
    if (wrong.empty()) wrong = wrong_mbarrier(offset_of(barrier), rank, true);
    if (wrong.empty()) {
      wrong = wrong_phase(cluster_->blocks[static_cast<size_t>(rank)]->mbarriers_.at(offset_of(barrier)));
    }
    if (!wrong.empty()) return wrong;
  }
  return "";
}

void BlockRunner::copy_bulk(const void* to, const void* from, unsigned bytes, const uint64_t* barrier, unsigned blocks,
                            Site site, const void* pc) {
  std::string wrong = wrong_copy(to, from, bytes, barrier, blocks);
  if (!wrong.empty()) {
    wrong.insert(0, called("copy_bulk", site));
    fail(std::move(wrong));
  }
  races::reads(from, bytes, pc);
  for (int rank = 0; rank < blocks_of_cluster(); ++rank) {
    if ((blocks >> static_cast<unsigned>(rank) & 1U) == 0) continue;
    BlockRunner& block = *cluster_->blocks[static_cast<size_t>(rank)];
    auto* const memory = static_cast<std::byte*>(block.dynamic_shared_.get());
    races::changes(memory + offset_of(barrier), sizeof(uint64_t), pc);
    races::writes(memory + offset_of(to), bytes, pc);
    const bool at_once = copies_.at_once();
    if (at_once) std::memcpy(memory + offset_of(to), from, bytes);
    Mbarrier& counts = block.mbarriers_.at(offset_of(barrier));
    counts.bytes -= bytes;
    counts.copies.push_back({memory + offset_of(to), from, bytes, at_once, site, index_});
    wrong = wrong_phase(counts);
    if (!wrong.empty()) {
      wrong.insert(0, called("copy_bulk", site));
      fail(std::move(wrong));
    }
    counts.settle();
  }
}

/// What is wrong with ending now, or "".
std::string BlockRunner::wrong_end() const {
  for (const auto& [offset, barrier] : mbarriers_) {
    if (!barrier.copies.empty()) {
      const BulkCopy& copy = barrier.copies.front();
      return "ends while the copy that block " + text_of(place_in(copy.source, launch_->shape.grid)) + " started at " +
             text_of(copy.site) + " may be on its way to it; an mbarrier_wait() must come between";
    }
    if (barrier.bytes != 0 || barrier.missing != barrier.arrivals) {
      return "ends in the middle of a phase of the mbarrier that mbarrier_init() at " + text_of(barrier.site) + " made";
    }
  }
  return "";
}

// What kernels call.

void mbarrier_init(uint64_t* barrier, unsigned arrivals, Site site) {
  const races::Pause pause;
  BlockRunner::current().init_mbarrier(barrier, arrivals, site);
  races::writes(barrier, sizeof *barrier, __builtin_return_address(0));
}
void fence_mbarrier_init() {
  const races::Pause pause;
  BlockRunner::current().fence_mbarrier_init();
}
void mbarrier_expect(uint64_t* barrier, unsigned bytes, Site site) {
  const races::Pause pause;
  races::changes(barrier, sizeof *barrier, __builtin_return_address(0));
  BlockRunner::current().expect_bytes(barrier, bytes, site);
}
void mbarrier_wait(uint64_t* barrier, unsigned parity, Site site) {
  const races::Pause pause;
  races::changes(barrier, sizeof *barrier, __builtin_return_address(0));
  BlockRunner::current().await_mbarrier(barrier, parity, site, __builtin_return_address(0));
}
void fence_async_proxy() {
  const races::Pause pause;
  BlockRunner::current().fence_async_proxy();
}
void copy_bulk(float* to, const float* from, unsigned bytes, uint64_t* barrier, unsigned blocks, Site site) {
  const races::Pause pause;
  BlockRunner::current().copy_bulk(to, from, bytes, barrier, blocks, site, __builtin_return_address(0));
}

}  // namespace kantor::sim
