// NVIDIA's libraries: loaded when a GPU is used and not before, refused by name where they are absent or cannot count.
#include "engine/libraries.h"

#include "engine/build_info.h"
#include "kernels/launcher.h"
#include "tests/catch.h"
#include "tests/program.h"
#ifdef KANTOR_HAS_CUDNN
#include "kernels/cuda/cudnn.h"
#endif

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

using namespace kantor;

namespace {

/// While it lives, the programs that are started find damaged copies of NVIDIA's libraries first.
class DamagedLibraries {
 public:
  DamagedLibraries() {
    for (const char* name : {"libcublas.so.", "libcudnn.so."}) {
      for (int number = 8; number < 20; ++number) (void)folder_.file(name + std::to_string(number), "damaged");
    }
    setenv("LD_LIBRARY_PATH", folder_.path.c_str(), 1);
  }
  ~DamagedLibraries() {
    if (before_.empty()) {
      unsetenv("LD_LIBRARY_PATH");
    } else {
      setenv("LD_LIBRARY_PATH", before_.c_str(), 1);
    }
  }
  DamagedLibraries(const DamagedLibraries&) = delete;
  DamagedLibraries& operator=(const DamagedLibraries&) = delete;

 private:
  ProgramFolder folder_;
  std::string before_ = std::getenv("LD_LIBRARY_PATH") != nullptr ? std::getenv("LD_LIBRARY_PATH") : "";
};

}  // namespace

TEST_CASE("libraries: a run on the CPU or the simulator loads none of NVIDIA's, and does without them") {
  const DamagedLibraries damaged;
  const ProgramFolder folder;
  for (const char* device : {"cpu", "sim"}) {
    const ProgramResult result =
        run_kantor(tiny_training(folder / device, {"--device", device, "--set", "train.steps=3"}));
    INFO(device << "\n" << result.err);
    CHECK(result.code == 0);
  }
}

TEST_CASE("libraries: cuDNN that cannot be loaded is refused with its file's name, exit 4; doctor tells of both") {
  const DamagedLibraries damaged;
  const ProgramFolder folder;
  check_refused(tiny_training(folder / "run", {"--device", "cpu", "--cudnn"}), 4, {"cuDNN was asked for"});
  const auto found = nlohmann::json::parse(run_kantor({"doctor", "--json"}).out)["libraries"];
  const std::string built = build_info().cuda;
  CHECK(found.contains("cuBLAS") == !built.empty());
  CHECK(found.contains("cuDNN") == (built.find("cuDNN") != std::string::npos));
  for (const auto& [name, library] : found.items()) {
    INFO(name);
    CHECK(library["version"] == "");
    CHECK_THAT(library["missing"].get<std::string>(),
               Contains(name) && Contains(".so.") && Contains("LD_LIBRARY_PATH"));
  }
}

#ifdef KANTOR_HAS_CUDNN
TEST_CASE("libraries: cuDNN is not asked for convolutions whose arrays it cannot count") {
  ConvShape shape{1 << 17, 128, 128, 1, 128, 128, 1, 3, 3, 1, 1};  // 2^31 pixels
  for (const auto pass : {ConvPass::forward, ConvPass::input_grad, ConvPass::weight_grad}) {
    CHECK_THROWS_WITH(cuda::library_conv2d_workspace(pass, shape, false, nullptr),
                      Contains("[131072, 128, 128, 1]") && Contains("2147483647") && Contains("cut the batch"));
    CHECK_THROWS_WITH(cuda::library_conv2d(pass, shape, nullptr, nullptr, nullptr, nullptr, false, nullptr),
                      Contains("2147483647"));
  }
  shape.batch = INT64_MAX;
  CHECK_THROWS_WITH(cuda::library_conv2d_workspace(ConvPass::forward, shape, false, nullptr),
                    Contains("cut the batch"));
  shape = {1, 8, 8, 1, 8, 8, 1, 3, 3, 1, INT64_MAX};
  CHECK_THROWS_WITH(cuda::library_conv2d_workspace(ConvPass::forward, shape, false, nullptr),
                    Contains("padding 9223372036854775807"));
}
#endif
