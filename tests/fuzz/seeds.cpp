// Writes the first inputs of the fuzz targets, by the project's own writers, into FOLDER/<format>.
#include "models/files/atomic_file.h"
#include "tests/formats.h"

#include <cstdio>
#include <filesystem>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  for (const auto& [format, files] : kantor::sound_files()) {
    const std::filesystem::path folder = std::filesystem::path(argv[1]) / format;
    std::filesystem::create_directories(folder);
    int number = 0;
    for (const std::string& file : files) {
      kantor::write_file_atomically(folder / ("seed-" + std::to_string(number++)), std::string_view(file));
    }
  }
  return 0;
}
