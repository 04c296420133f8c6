// A folder of PNGs as a data set: every file whose name ends in .png and does not begin with a dot, sorted by name, all
// of one size. Gray images stay gray where all are; among colour ones they become RGB.
#include "models/data/samples_in_memory.h"
#include "models/files/bytes.h"
#include "models/files/png.h"

namespace kantor {

namespace {

namespace fs = std::filesystem;

constexpr size_t byte_limit = size_t{1} << 32;  // of all pixels, as for IDX

bool is_named_png(const fs::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending == ".png" && path.filename().string()[0] != '.';
}

std::vector<fs::path> png_files(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (is_named_png(entry->path())) files.push_back(entry->path());
  }
  if (error) refuse(folder.string(), "cannot read the folder: {}", error.message());
  if (files.empty()) refuse(folder.string(), "the folder holds no files named *.png, expected images of one size");
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

DatasetPtr open_image_folder(const fs::path& folder, std::string name) {
  const std::vector<fs::path> files = png_files(folder);
  std::vector<Image> images;
  int channels = 1;
  size_t bytes = 0;
  for (const fs::path& file : files) {
    images.push_back(read_png(file));
    const Image &image = images.back(), &first = images.front();
    if (image.width != first.width || image.height != first.height) {
      refuse(file.string(), "{} x {} pixels, expected {} x {} as in {}: all images of a folder have one size",
             image.width, image.height, first.width, first.height, files.front().string());
    }
    channels = std::max(channels, image.channels);
    bytes += image.pixels.size();
    if (bytes > byte_limit) refuse(folder.string(), "more than {} bytes of pixels, the most that is read", byte_limit);
  }
  std::vector<uint8_t> values;
  for (const Image& image : images) {
    for (const uint8_t value : image.pixels) values.insert(values.end(), channels / image.channels, value);
  }
  const Shape sample{channels, images.front().height, images.front().width};
  std::string reading = describe_pictures(sample) + " (PNG), scaled by 1/255";
  return std::make_shared<const SamplesInMemory<uint8_t>>(std::move(name), sample, std::move(values),
                                                          std::move(reading), 255.0F);
}

}  // namespace kantor
