#include "kernels/sim/traffic/counter.h"

#include "kernels/sim/races.h"
#include "kernels/sim/races/checker.h"
#include "kernels/sim/races/source_line.h"
#include "kernels/sim/runtime.h"
#include "kernels/sim/traffic.h"
#include "kernels/sim/traffic/path.h"
#include "kernels/sim/traffic_shape.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace kantor::sim::traffic {
namespace {

/// A memory instruction of a kernel, and what its executions took so far.
struct Instruction {
  size_t kernel = 0;
  const void* pc = nullptr;
  std::vector<const void*> calls;  // that it stands in, the innermost first
  Space space{};
  Kind kind{};
  int64_t accesses = 0, bytes = 0;
  Transactions transactions;
  int samples = 0;  // that are kept of it, all of one warp:
  int64_t block = -1;
  size_t warp = 0;
};

/// One execution by a warp, of which not all lanes may have come yet.
struct Execution {
  size_t instruction = 0;
  WarpAccess of;
  size_t warp = 0;
  uint64_t turn = 0;  // counts executions as they begin
};

/// One for the program: the checked builds run one block at a time.
struct Counter {
  bool unseen = false;
  std::vector<std::string> kernels;
  size_t kernel = 0;
  std::vector<Instruction> instructions;
  std::unordered_map<uint64_t, size_t> numbers;                     // of instructions, by hash
  std::vector<Path> paths;                                          // of the block's threads
  std::vector<std::unordered_map<uint64_t, Execution>> executions;  // of its warps, by hash
  std::vector<Launches> launches;
  int samples_wanted = 0;                // of an instruction
  int64_t block = -1, launch_began = 0;  // the running block and the first of its launch, of all that ran
  uint64_t turns = 0;
  std::vector<Sample> samples;
  std::vector<size_t> sampled;     // the instruction of each
  std::vector<uintptr_t> sources;  // where their arrays begin

  void note(uintptr_t address, int bytes, Kind kind, Space space, const void* pc);
  void count();
  void keep_samples(std::vector<Execution> came);
};

Counter& counter() {
  static auto* const instance = new Counter;  // kernels may still run when the program ends
  return *instance;
}

void Counter::note(uintptr_t address, int bytes, Kind kind, Space space, const void* pc) {
  const auto thread = static_cast<size_t>(thread_in_block);
  const Path& path = paths[thread];
  const uint64_t what =
      mix(mix(mix(kernel, reinterpret_cast<uintptr_t>(pc)), path.calls()),
          static_cast<uint64_t>(bytes) << 8U | static_cast<uint64_t>(kind) << 4U | static_cast<uint64_t>(space));
  const auto [number, is_new] = numbers.try_emplace(what, instructions.size());
  if (is_new) instructions.push_back({kernel, pc, path.returns(), space, kind, 0, 0, {}});
  auto& of_warp = executions[thread / 32];
  const uint32_t lane = 1U << thread % 32;
  // A lane that comes again along the same path, for the next part of a structure, is in the next execution.
  for (uint64_t key = mix(what, path.iterations());; key = mix(key, 1)) {
    Execution& execution = of_warp[key];
    if ((execution.of.lanes & lane) != 0) continue;
    if (execution.of.lanes == 0) execution.turn = turns++;
    execution.warp = thread / 32;
    execution.instruction = number->second;
    execution.of.bytes = bytes;
    execution.of.lanes |= lane;
    execution.of.address[thread % 32] = address;
    return;
  }
}

/// The offsets of an execution's lanes. `arrays`: where those in global memory that are numbered already begin.
Sample sample_of(const WarpAccess& access, Space space, std::vector<uintptr_t>& arrays) {
  Sample sample;
  sample.bytes = access.bytes;
  sample.lanes = access.lanes;
  const auto begin = races::array_of(access.address[static_cast<size_t>(__builtin_ctz(access.lanes))]);
  if (space == Space::global) {
    const auto known = std::find(arrays.begin(), arrays.end(), begin);
    sample.array = static_cast<int>(known - arrays.begin());
    if (known == arrays.end()) arrays.push_back(begin);
  }
  sample.is_static = begin == 0;
  sample.begin = begin;
  for (size_t lane = 0; lane < 32; ++lane) {
    if ((access.lanes >> lane & 1U) != 0) sample.offset[lane] = static_cast<int64_t>(access.address[lane] - begin);
  }
  return sample;
}

/// Static shared memory, by kernel, from the lowest address on.
void shift_static(std::vector<Sample>& samples) {
  std::map<std::string, int64_t> lowest;
  const auto each = [&](const auto& visit) {
    for (Sample& sample : samples) {
      if (!sample.is_static) continue;
      for (size_t lane = 0; lane < 32; ++lane) {
        if ((sample.lanes >> lane & 1U) != 0) visit(sample.of.kernel, sample.offset[lane]);
      }
    }
  };
  each([&](const std::string& kernel, int64_t offset) {
    const auto [known, is_new] = lowest.try_emplace(kernel, offset / 4 * 4);
    if (!is_new) known->second = std::min(known->second, offset / 4 * 4);
  });
  each([&](const std::string& kernel, int64_t& offset) { offset -= lowest.at(kernel); });
}

/// All lanes that will come to these executions have come.
void Counter::count() {
  std::vector<Execution> came;
  for (auto& of_warp : executions) {
    for (const auto& [key, execution] : of_warp) {
      Instruction& i = instructions[execution.instruction];
      ++i.accesses;
      i.bytes += int64_t{execution.of.bytes} * __builtin_popcount(execution.of.lanes);
      i.transactions += i.space == Space::shared ? passes(execution.of, i.kind == Kind::atomic) : sectors(execution.of);
      if (i.samples < samples_wanted && (i.samples == 0 || i.block == block)) came.push_back(execution);
    }
    of_warp.clear();
  }
  if (!came.empty()) keep_samples(std::move(came));
}

void Counter::keep_samples(std::vector<Execution> came) {
  std::sort(came.begin(), came.end(),
            [](const Execution& a, const Execution& b) { return std::tie(a.warp, a.turn) < std::tie(b.warp, b.turn); });
  for (const Execution& execution : came) {
    Instruction& i = instructions[execution.instruction];
    if (i.samples == samples_wanted || (i.samples > 0 && i.warp != execution.warp)) continue;
    ++i.samples;
    i.block = block;
    i.warp = execution.warp;
    sampled.push_back(execution.instruction);
    samples.push_back(sample_of(execution.of, i.space, sources));
    samples.back().block = block - launch_began;
    samples.back().warp = static_cast<int>(execution.warp);
  }
}

/// "conv2d.cu:24" as its file and line.
std::pair<std::string, int> split(const std::string& place) {
  const size_t colon = place.rfind(':');
  if (colon == std::string::npos) return {place, 0};
  return {place.substr(0, colon), std::atoi(place.c_str() + colon + 1)};
}

/// For each instruction, the innermost line that is not one of kernels/pack.h, whose functions only load and store.
std::vector<std::string> places_of(const std::vector<Instruction>& instructions) {
  std::vector<const void*> pcs;
  for (const Instruction& i : instructions) {
    pcs.push_back(i.pc);
    pcs.insert(pcs.end(), i.calls.begin(), i.calls.end());
  }
  const auto lines = races::source_lines(pcs);
  std::vector<std::string> places;
  size_t next = 0;
  for (const Instruction& i : instructions) {
    std::vector<std::string> all;
    for (size_t k = 0; k <= i.calls.size(); ++k, ++next) all.insert(all.end(), lines[next].begin(), lines[next].end());
    const auto found =
        std::find_if(all.begin(), all.end(), [](const std::string& s) { return s.rfind("pack.h", 0) != 0; });
    places.push_back(found != all.end() ? *found : all.empty() ? "?" : all.front());
  }
  return places;
}

auto order_of(const Row& row) {
  return std::tie(row.file, row.line, row.space, row.kind);
}

}  // namespace

void start(int samples) {
  Counter& c = counter();
  c = {};
  c.samples_wanted = samples;
  counting = true;
}

std::vector<Row> stop() {
  Counter& c = counter();
  counting = false;
  std::vector<std::pair<size_t, Row>> rows;  // with the number of the kernel
  const std::vector<std::string> places = places_of(c.instructions);
  for (size_t k = 0; k < places.size(); ++k) {
    const Instruction& i = c.instructions[k];
    auto [file, line] = split(places[k]);
    rows.push_back(
        {i.kernel, {c.kernels[i.kernel], std::move(file), line, i.space, i.kind, i.accesses, i.bytes, i.transactions}});
  }
  for (size_t k = 0; k < c.samples.size(); ++k) c.samples[k].of = rows[c.sampled[k]].second;
  shift_static(c.samples);
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : order_of(a.second) < order_of(b.second);
  });
  std::vector<Row> joined;
  for (size_t k = 0; k < rows.size(); ++k) {
    const Row& row = rows[k].second;
    if (k == 0 || rows[k - 1].first != rows[k].first || order_of(rows[k - 1].second) != order_of(row)) {
      joined.push_back(row);
      continue;
    }
    joined.back().accesses += row.accesses;
    joined.back().bytes += row.bytes;
    joined.back().transactions += row.transactions;
  }
  return joined;
}

std::vector<Launches> launches() {
  return counter().launches;
}

std::vector<Sample> samples() {
  return counter().samples;
}

Row total(const std::vector<Row>& rows, const std::string& kernel, Space space, Kind kind, const std::string& file) {
  Row sum{kernel, file, 0, space, kind, 0, 0, {}};
  for (const Row& row : rows) {
    const bool ends =
        row.file.size() >= file.size() && row.file.compare(row.file.size() - file.size(), file.size(), file) == 0;
    if (row.kernel.rfind(kernel, 0) != 0 || row.space != space || row.kind != kind || !ends) continue;
    sum.accesses += row.accesses;
    sum.bytes += row.bytes;
    sum.transactions += row.transactions;
  }
  return sum;
}

void access(uintptr_t address, size_t bytes, Kind kind, Space space, const void* pc) {
  Counter& c = counter();
  if (c.unseen) return;
  size_t part = 16;
  while (bytes % part != 0) part /= 2;
  for (size_t at = 0; at < bytes; at += part) c.note(address + at, static_cast<int>(part), kind, space, pc);
}

void enter(const void* call) {
  counter().paths[static_cast<size_t>(thread_in_block)].enter(call);
}
void leave() {
  counter().paths[static_cast<size_t>(thread_in_block)].leave();
}
void pass(const void* block) {
  counter().paths[static_cast<size_t>(thread_in_block)].pass(block);
}

void launch_begins(std::string_view kernel) {
  Counter& c = counter();
  if (!counting) return;
  const auto known = std::find(c.kernels.begin(), c.kernels.end(), kernel);
  c.kernel = static_cast<size_t>(known - c.kernels.begin());
  if (known == c.kernels.end()) c.kernels.emplace_back(kernel);
  c.launch_began = c.block + 1;
}

void launch_has(uint64_t blocks, int threads, size_t shared_bytes) {
  Counter& c = counter();
  if (!counting) return;
  const Launches one{c.kernels[c.kernel], 1, static_cast<int64_t>(blocks), threads, shared_bytes};
  const auto same = [&](const Launches& other) {
    return other.kernel == one.kernel && other.blocks == one.blocks && other.threads == one.threads &&
           other.shared_bytes == one.shared_bytes;
  };
  const auto before = std::find_if(c.launches.begin(), c.launches.end(), same);
  if (before == c.launches.end()) {
    c.launches.push_back(one);
  } else {
    ++before->launches;
  }
}

void block_begins(int threads) {
  Counter& c = counter();
  if (!counting) return;
  c.unseen = false;
  ++c.block;
  c.paths.resize(std::max(c.paths.size(), static_cast<size_t>(threads)));
  for (Path& path : c.paths) path.clear();
  c.executions.resize(std::max(c.executions.size(), static_cast<size_t>(threads + 31) / 32));
  for (auto& of_warp : c.executions) of_warp.clear();  // of a block that failed
}

void block_ends() {
  if (counting) counter().count();
}

void barrier() {
  if (counting) counter().count();
}

void row_is_read(const void* row, size_t bytes) {
  if (!counting) return;
  const races::Pause pause;
  access(reinterpret_cast<uintptr_t>(row), bytes, Kind::read, Space::shared, __builtin_return_address(0));
}

void copy_starts(const void* to, const void* from, size_t bytes, bool reads) {
  if (!counting) return;
  const races::Pause pause;
  const void* const pc = __builtin_return_address(0);
  if (reads) access(reinterpret_cast<uintptr_t>(from), bytes, Kind::read, Space::global, pc);
  access(reinterpret_cast<uintptr_t>(to), bytes, Kind::write, Space::shared, pc);
}

Unseen::Unseen() : before_(std::exchange(counter().unseen, true)) {}
Unseen::~Unseen() {
  counter().unseen = before_;
}

}  // namespace kantor::sim::traffic
