// libFuzzer's entry: runs the parser, lets refusals pass, and bounds the memory that was live at any moment.
#include "tests/fuzz/target.h"

#include "models/files/file_error.h"
#include "models/training/config.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sanitizer/allocator_interface.h>

namespace kantor {

namespace {

constexpr int64_t slack = 64 << 20;  // what a reader may take beyond the declared size

std::atomic<int64_t> live{0}, peak{0};

void on_malloc(const volatile void*, size_t size) {
  const int64_t now = live += static_cast<int64_t>(size);
  peak = std::max(peak.load(), now);
}

void on_free(const volatile void* block) {
  if (block != nullptr) live -= static_cast<int64_t>(__sanitizer_get_allocated_size(const_cast<void*>(block)));
}

}  // namespace

void require(bool holds, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "kantor fuzz target: %.*s\n", static_cast<int>(text.size()), text.data());
  std::abort();
}

}  // namespace kantor

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  kantor::require(__sanitizer_install_malloc_and_free_hooks(kantor::on_malloc, kantor::on_free) != 0,
                  "the sanitizer took no hooks");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kantor;
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  const int64_t before = live;
  peak = before;
  try {
    parse(bytes);
  } catch (const FileError&) {
  } catch (const ConfigError&) {
  }
  // Twice: a reader may hold the file's values and its own at once.
  const int64_t allowed = slack + 2 * static_cast<int64_t>(size + declared_size(bytes));
  require(peak - before <= allowed, "more memory than 64 MiB beyond what the input declares");
  return 0;
}
