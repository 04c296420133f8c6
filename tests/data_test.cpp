// Data: distributions with the published scales, samples from files, refusals, and the loader's order and shutdown.
#include "models/data/loader.h"
#include "models/data/open_dataset.h"
#include "models/files/npy.h"
#include "models/files/png.h"
#include "tests/catch.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <thread>
#include <unistd.h>

using namespace kantor;
namespace fs = std::filesystem;

namespace {

/// A folder that is removed at the end of the test.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("kantor-data-" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(path / name, std::ios::binary) << content;
    return (path / name).string();
  }
  [[nodiscard]] std::string image(const std::string& name, const Image& content) const {
    write_png(path / name, content);
    return (path / name).string();
  }
  [[nodiscard]] std::string array(const std::string& name, const Tensor& tensor) const {
    write_npy(path / name, tensor);
    return (path / name).string();
  }
};

std::string idx_header(std::initializer_list<int> extents) {
  std::string header{'\0', '\0', '\x08', static_cast<char>(extents.size())};
  for (const int extent : extents)
    for (int shift = 24; shift >= 0; shift -= 8) header.push_back(static_cast<char>(extent >> shift));
  return header;
}

/// Sample k of step s is the number s; step 7 fails on request.
struct Counting final : Dataset {
  bool fails = false;
  mutable std::atomic<int> draws = 0;
  std::string name() const override { return "counting"; }
  Shape sample_shape() const override { return {1}; }
  void draw(uint64_t, uint32_t, uint64_t step, int64_t count, float* out) const override {
    ++draws;
    if (fails && step == 7) throw FileError("step 7 is bad");
    std::fill_n(out, count, static_cast<float>(step));
  }
};

}  // namespace

TEST_CASE("data: a draw is a pure function of seed, stream, step and sample") {
  for (const char* kind : {"gaussians8", "gaussians25", "swissroll", "funnels"}) {
    INFO(kind);
    const auto data = open_dataset({kind, ""});
    const std::vector<float> long_draw = data->draw(1, 2, 3, 100), short_draw = data->draw(1, 2, 3, 10);
    CHECK(std::equal(short_draw.begin(), short_draw.end(), long_draw.begin()));
    CHECK(open_dataset({kind, ""})->draw(1, 2, 3, 100) == long_draw);
    CHECK(data->draw(9, 2, 3, 100) != long_draw);
    CHECK(data->draw(1, 9, 3, 100) != long_draw);
    CHECK(data->draw(1, 2, 9, 100) != long_draw);
  }
}

TEST_CASE("data: the mixtures have the published centres and scales") {
  const auto ring = open_dataset({"gaussians8", ""}), grid = open_dataset({"gaussians25", ""});
  REQUIRE(ring->mixture() != nullptr);
  CHECK(ring->mixture()->modes() == 8);
  CHECK(ring->mixture()->sigma == Approx(0.0141).margin(5e-5));
  CHECK(ring->mixture()->centres[0] == Approx(2 / 1.414));
  for (size_t k = 0; k < 8; ++k)
    CHECK(std::hypot(ring->mixture()->centres[2 * k], ring->mixture()->centres[2 * k + 1]) == Approx(2 / 1.414));
  CHECK(grid->mixture()->modes() == 25);
  CHECK(grid->mixture()->sigma == Approx(0.0177).margin(5e-5));
  CHECK(*std::max_element(grid->mixture()->centres.begin(), grid->mixture()->centres.end()) == Approx(4 / 2.828));

  for (const Dataset* data : {ring.get(), grid.get()}) {
    const Mixture& mixture = *data->mixture();
    const std::vector<float> points = data->draw(4, 0, 0, 20000);
    std::vector<int> hits(static_cast<size_t>(mixture.modes()));
    double squares = 0;
    for (size_t i = 0; i < points.size(); i += 2) {
      double least = 1e9;
      size_t nearest = 0;
      for (size_t m = 0; m < hits.size(); ++m) {
        const double d = std::hypot(points[i] - mixture.centres[2 * m], points[i + 1] - mixture.centres[2 * m + 1]);
        if (d < least) least = d, nearest = m;
      }
      ++hits[nearest];
      squares += least * least;
    }
    CHECK(std::sqrt(squares / static_cast<double>(points.size())) == Approx(mixture.sigma).epsilon(0.02));
    const double share = 20000.0 / mixture.modes();
    for (const int hit : hits) CHECK(hit == Approx(share).margin(5 * std::sqrt(share)));
  }
}

TEST_CASE("data: the Swiss roll lies on its spiral") {
  const auto data = open_dataset({"swissroll", ""});
  CHECK(data->mixture() == nullptr);
  const std::vector<float> points = data->draw(4, 0, 0, 20000);
  double squares = 0, least = 1e9, largest = 0;
  for (size_t i = 0; i < points.size(); i += 2) {
    const double x = points[i] * 7.5, y = points[i + 1] * 7.5, radius = std::hypot(x, y);
    // On the spiral the radius is the angle, modulo 2 pi; noise of 0.25 spreads their difference by about 0.25.
    squares += std::pow(std::remainder(radius - std::atan2(y, x), 2 * M_PI), 2);
    least = std::min(least, radius);
    largest = std::max(largest, radius);
  }
  CHECK(std::sqrt(squares / 20000) == Approx(0.25).margin(0.02));
  CHECK(least == Approx(1.5 * M_PI).margin(1.2));
  CHECK(largest == Approx(4.5 * M_PI).margin(1.2));
}

TEST_CASE("data: IDX images come out in [0, 1], NHWC") {
  const Folder folder;
  const std::string path =
      folder.file("images-idx3-ubyte", idx_header({2, 1, 3}) + std::string("\x00\x33\xff\x00\x33\xff", 6));
  const auto data = open_dataset({"file", path});
  CHECK(data->is_image());
  CHECK(data->sample_shape() == Shape{1, 1, 3});
  CHECK(data->size() == 2);
  CHECK(data->batch_shape(5) == Shape{5, 1, 3, 1});
  CHECK(data->draw(0, 0, 0, 2) == std::vector<float>{0, 0.2f, 1, 0, 0.2f, 1});
}

TEST_CASE("data: NPY points and images, channels last") {
  const Folder folder;
  const auto points = open_dataset({"file", folder.array("points.npy", from_host<float>({1, 2, 3}, {1, 3}))});
  CHECK_FALSE(points->is_image());
  CHECK(points->draw(0, 0, 0, 2) == std::vector<float>{1, 2, 3, 1, 2, 3});
  // Two channels of two pixels.
  const auto images =
      open_dataset({"file", folder.array("images.npy", from_host<float>({0, 0.25f, 0.5f, 1}, {1, 2, 1, 2}))});
  CHECK(images->sample_shape() == Shape{2, 1, 2});
  CHECK(images->batch_shape(1) == Shape{1, 1, 2, 2});
  CHECK(images->draw(0, 0, 0, 1) == std::vector<float>{0, 0.5f, 0.25f, 1});
  const auto bytes = open_dataset(
      {"file", folder.array("bytes.npy", from_host<int64_t>({0, 51, 255, 255}, {1, 1, 2, 2}, {DType::int64, {}}))});
  CHECK(bytes->draw(0, 0, 0, 1) == std::vector<float>{0, 0.2f, 1, 1});
}

TEST_CASE("data: a CSV table is points, a line of names on top or not") {
  const Folder folder;
  const auto points = open_dataset({"file", folder.file("points.csv", "a;b;c\n1;2;3\n")});
  CHECK(points->sample_shape() == Shape{3});
  CHECK(points->size() == 1);
  CHECK(points->draw(0, 0, 0, 2) == std::vector<float>{1, 2, 3, 1, 2, 3});
  CHECK(open_dataset({"file", folder.file("points.tsv", "1\t2\n")})->sample_shape() == Shape{2});
}

TEST_CASE("data: a folder of PNGs is its images, gray ones among colour ones in colour") {
  const Folder folder;
  (void)folder.file(".hidden.png", "no PNG");
  (void)folder.file("notes.txt", "no PNG");
  (void)folder.image("b.png", {2, 1, 1, {0, 255}});
  const auto gray = open_dataset({"file", folder.path.string()});
  CHECK(gray->sample_shape() == Shape{1, 1, 2});
  CHECK(gray->draw(0, 0, 0, 1) == std::vector<float>{0, 1});
  (void)folder.image("a.PNG", {2, 1, 3, {0, 51, 255, 255, 51, 0}});
  const auto colour = open_dataset({"file", folder.path.string()});
  CHECK(colour->is_image());
  CHECK(colour->size() == 2);
  CHECK(open_dataset({"file", folder.path.string() + "/"})->name() == folder.path.filename().string());
  CHECK(colour->sample_shape() == Shape{3, 1, 2});
  CHECK(colour->batch_shape(4) == Shape{4, 1, 2, 3});
  // Sorted by name: sample 0 is a.PNG. Both appear, each whole.
  const std::vector<float> first{0, 0.2F, 1, 1, 0.2F, 0}, second{0, 0, 0, 1, 1, 1};
  int seen = 0;
  const std::vector<float> draws = colour->draw(0, 0, 0, 40);
  for (auto at = draws.begin(); at != draws.end(); at += 6) {
    const std::vector<float> sample(at, at + 6);
    REQUIRE((sample == first || sample == second));
    seen |= sample == first ? 1 : 2;
  }
  CHECK(seen == 3);
}

TEST_CASE("data: a folder of PNGs that is wrong is refused by file") {
  const Folder folder;
  const auto refused = [&](const std::string& text) {
    CHECK_THROWS_AS(open_dataset({"file", folder.path.string()}), FileError);
    CHECK_THROWS_WITH(open_dataset({"file", folder.path.string()}), Contains(folder.path.string()) && Contains(text));
  };
  refused("no files named *.png");
  const std::string small = folder.image("a.png", {2, 1, 1, {0, 1}}), large = folder.image("b.png", {1, 2, 1, {0, 1}});
  refused(large + ": 1 x 2 pixels, expected 2 x 1 as in " + small);
  (void)folder.file("b.png", "\xff\xd8\xff\xe0 JFIF");
  refused("b.png: is a JPEG");
  fs::remove(folder.path / "b.png");
  fs::create_directory(folder.path / "b.png");
  refused("b.png: expected a regular file");
}

TEST_CASE("data: files draw every sample, with replacement") {
  const Folder folder;
  std::vector<float> rows(50);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i);
  const auto data = open_dataset({"file", folder.array("rows.npy", from_host<float>(rows, {50, 1}))});
  std::vector<int> hits(50);
  for (const float value : data->draw(1, 0, 0, 5000)) ++hits[static_cast<size_t>(value)];
  for (const int hit : hits) CHECK(hit == Approx(100).margin(50));
}

TEST_CASE("data: bad files are refused by name and index") {
  const Folder folder;
  const auto refused = [](const std::string& path, const std::string& text) {
    INFO(path);
    CHECK_THROWS_WITH(open_dataset({"file", path}), Contains(text) && Contains(path));
    CHECK_THROWS_AS(open_dataset({"file", path}), FileError);
  };
  const float inf = std::numeric_limits<float>::infinity();
  refused(folder.array("nan.npy", from_host<float>({0, 1, 2, std::nanf("")}, {2, 2})), "the value at [1, 1] is nan");
  refused(folder.array("inf.npy", from_host<float>({0, inf, 2, 0}, {2, 2})), "the value at [0, 1] is inf");
  // Finite in float64, not in the float32 that training uses.
  refused(folder.array("big.npy", from_host<double>({1e300}, {1, 1}, {DType::float64, {}})), "the value at [0, 0]");
  refused(folder.array("bright.npy", from_host<float>({0, 2}, {1, 1, 1, 2})), "[0, 0, 0, 1] is 2, expected pixels");
  refused(folder.array("line.npy", from_host<float>({0, 2}, {2})), "shape [2], expected points [N, D]");
  refused(folder.file("ragged.csv", "x,y\n1,2\n3\n"), "line 3 has 1 column, expected 2");
  refused(folder.array("none.npy", zeros({0, 2})), "holds no values");
  refused(folder.file("labels-idx1-ubyte", idx_header({2}) + "ab"), "shape [2], expected images");
  refused(folder.file("text.dat", "x,y\n1,2\n"), "is a text file that begins with \"x,y");
  refused(folder.file("empty.npy", ""), "is an empty file");
  refused(folder.file("noise.dat", "\x01\x02\x03"), "neither NPY's, IDX's nor gzip's");
  refused((folder.path / "absent.npy").string(), "no such file");
  refused("/dev/null", "not a regular file");
}

TEST_CASE("data: missing packages are named, an unknown kind gets the known ones") {
  CHECK_THROWS_WITH(open_dataset({"fashion-mnist", "/nonexistent"}), Contains("dataset-fashion-mnist"));
  CHECK_THROWS_AS(open_dataset({"fashion-mnist", "/nonexistent"}), FileError);
  CHECK_THROWS_WITH(open_dataset({"silk", "/nonexistent"}), Contains("famfamfam-silk") && Contains("/nonexistent"));
  CHECK_THROWS_AS(open_dataset({"silk", "/nonexistent"}), FileError);
  CHECK_THROWS_WITH(open_dataset({"gaussian8", ""}), Contains("gaussian8") && Contains("swissroll"));
  CHECK_THROWS_AS(open_dataset({"file", ""}), FileError);
}

TEST_CASE("data: Fashion-MNIST where it is installed") {
  if (!fs::exists("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")) {
    WARN("not run: the package dataset-fashion-mnist is not installed");
    return;
  }
  const auto data = open_dataset({"fashion-mnist", ""});
  CHECK(data->size() == 60000);
  CHECK(data->sample_shape() == Shape{1, 28, 28});
  const std::vector<float> batch = data->draw(0, 0, 0, 2000);
  double mean = 0;
  for (const float value : batch) mean += value / static_cast<double>(batch.size());
  CHECK(mean == Approx(0.2860).margin(0.01));  // the training set's published mean
}

TEST_CASE("data: the silk icons where they are installed") {
  if (!fs::exists("/usr/share/icons/silk/16x16")) {
    WARN("not run: the package famfamfam-silk is not installed");
    return;
  }
  const auto data = open_dataset({"silk", ""});
  CHECK(data->name() == "silk");
  CHECK(data->size() == 1000);
  CHECK(data->sample_shape() == Shape{3, 16, 16});
  // Over white: the corner pixels of nearly all icons are transparent.
  const std::vector<float> batch = data->draw(0, 0, 0, 500);
  int white = 0;
  for (size_t i = 0; i < batch.size(); i += 16 * 16 * 3)
    white += batch[i] == 1 && batch[i + 1] == 1 && batch[i + 2] == 1;
  CHECK(white > 350);
}

TEST_CASE("data: fewer samples than a batch are refused") {
  const Folder folder;
  const auto few = open_dataset({"file", folder.array("few.npy", zeros({7, 2}))});
  CHECK_NOTHROW(check_batch(*few, 7));
  CHECK_THROWS_WITH(check_batch(*few, 8), Contains("few.npy holds 7 samples, fewer than one batch of 8"));
  CHECK_NOTHROW(check_batch(*open_dataset({"gaussians8", ""}), 1 << 20));
}

TEST_CASE("data: the loader gives the steps in order, from any step") {
  const auto data = open_dataset({"swissroll", ""});
  Loader whole(data, {.seed = 3, .stream = 1, .samples = 16}),
      resumed(data, {.seed = 3, .stream = 1, .samples = 16, .first_step = 20, .depth = 1});
  for (uint64_t step = 0; step < 40; ++step) {
    const LoadedSamples loaded = whole.next();
    CHECK(loaded.step == step);
    const std::vector<float> values(loaded.values.begin(), loaded.values.end());
    CHECK(values == data->draw(3, 1, step, 16));
    if (step < 20) continue;
    const LoadedSamples later = resumed.next();
    CHECK(later.step == step);
    CHECK(std::equal(later.values.begin(), later.values.end(), values.begin(), values.end()));
  }
}

TEST_CASE("data: the loader works ahead, but no further than its depth") {
  const auto counting = std::make_shared<const Counting>();
  const Counting& data = *counting;
  Loader loader(counting, {.samples = 4, .depth = 3});
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (data.draws < 3 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(data.draws == 3);
  const LoadedSamples held = loader.next();
  while (data.draws < 4 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(data.draws == 4);
  CHECK(held.values[3] == 0);  // unchanged, while the samples of three other steps are ready
}

TEST_CASE("data: a loader without a thread draws the same, when it is asked") {
  const auto counting = std::make_shared<const Counting>();
  Loader lazy(counting, {.samples = 4, .first_step = 7, .depth = 0});
  CHECK(counting->draws == 0);
  CHECK(lazy.next().step == 7);
  CHECK(counting->draws == 1);
  const DatasetPtr data = open_dataset({"gaussians8", ""});
  Loader here(data, {.seed = 3, .stream = 1, .samples = 16, .depth = 0});
  Loader ahead(data, {.seed = 3, .stream = 1, .samples = 16});
  for (int step = 0; step < 6; ++step) {
    const LoadedSamples a = here.next(), b = ahead.next();
    CHECK(a.step == b.step);
    CHECK(std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end()));
  }
}

TEST_CASE("data: the loader forwards an exception at its step") {
  const auto data = std::make_shared<Counting>();
  data->fails = true;
  Loader loader(data, {.samples = 1, .first_step = 5});
  CHECK(loader.next().step == 5);
  CHECK(loader.next().values[0] == 6);
  CHECK_THROWS_WITH(loader.next(), "step 7 is bad");
  CHECK_THROWS_AS(loader.next(), FileError);
}

TEST_CASE("data: the loader stops whenever it is dropped, and keeps its data alive") {
  auto data = std::make_shared<const Counting>();
  for (int used = 0; used < 50; ++used) {
    Loader loader(data, {.samples = 2});
    for (int i = 0; i < used % 7; ++i) CHECK(loader.next().values[0] == static_cast<float>(i));
  }
  CHECK_THROWS_AS(Loader(data, {.samples = 0}), Error);
  CHECK_THROWS_AS(Loader(data, {.samples = 1, .depth = -1}), Error);
  Loader last(data, {.samples = 2});
  data.reset();
  CHECK(last.next().values[0] == 0);
}
