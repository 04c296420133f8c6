// Writing atomically: whichever call fails, the old file still loads, the error names path and cause, and nothing is
// left behind.
#include "models/files/atomic_file.h"

#include "models/files/safetensors.h"
#include "tests/catch.h"
#include "tests/fault_injection.h"
#include "tests/program.h"

#include <sys/mount.h>
#include <unistd.h>

using namespace kantor;
namespace fs = std::filesystem;

namespace {

TensorFile checkpoint(float value) {
  TensorFile file;
  file.tensors.emplace_back("w", full({100'000}, value));
  return file;
}

size_t files_in(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("files: the k-th write, fsync or rename fails, for every k") {
  const ProgramFolder folder;
  const fs::path path = folder.path / "c.safetensors";
  write_safetensors(path, checkpoint(1));
  int failures = 0;
  for (int call = 1;; ++call) {
    bool failed = false, reached = false;
    {
      const testing::FaultInjection fault(call);
      try {
        write_safetensors(path, checkpoint(2));
      } catch (const FileError& error) {
        failed = true;
        CHECK_THAT(error.what(), Contains(path.string()) && Contains("Input/output error"));
      }
      reached = fault.reached();
    }
    CHECK(failed == reached);
    CHECK(files_in(folder.path) == 1);
    const double found = read_safetensors(path).at("w").to_vector<float>()[7];
    if (!reached) {
      CHECK(found == 2);
      break;
    }
    ++failures;
    // The folder's fsync comes after the rename: by then the new file is there, complete.
    CHECK((found == 1 || found == 2));
    write_safetensors(path, checkpoint(1));
  }
  CHECK(failures >= 4);  // at least one write, the file's fsync, the rename, the folder's fsync
}

TEST_CASE("files: a full disk keeps the old file") {
  const ProgramFolder folder;
  if (geteuid() != 0 || mount("tmpfs", folder.path.c_str(), "tmpfs", 0, "size=600k") != 0) {
    WARN("not run: a small disk needs root and the right to mount one");
    return;
  }
  const fs::path path = folder.path / "c.safetensors";
  write_safetensors(path, checkpoint(1));
  CHECK_THROWS_WITH(write_safetensors(path, checkpoint(2)), Contains(path.string()) && Contains("No space left"));
  CHECK(read_safetensors(path).at("w").to_vector<float>()[7] == 1);
  CHECK(files_in(folder.path) == 1);
  umount(folder.path.c_str());
}

TEST_CASE("files: a folder that is none, and a file that is not there") {
  const ProgramFolder folder;
  const std::string plain = folder.file("plain", "x");
  CHECK_THROWS_WITH(write_file_atomically(plain + "/a", "text"), Contains(plain));
  CHECK_THROWS_WITH(read_file(folder / "absent"), Contains("absent"));
  CHECK_THROWS_AS(read_file(folder.path), FileError);
  CHECK_THROWS_WITH(read_file(plain, 0), Contains("plain"));
}
