#include "tests/paths.h"

#include <cstdlib>

namespace kantor {
namespace {

std::filesystem::path from_environment(const char* name, const char* built_in) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : built_in;
}

}  // namespace

std::filesystem::path source_folder() {
  return from_environment("KANTOR_SOURCE_FOLDER", KANTOR_BUILT_SOURCE_FOLDER);
}

std::filesystem::path program_path() {
  return from_environment("KANTOR_PROGRAM", KANTOR_BUILT_PROGRAM);
}

std::filesystem::path lab_engine_path() {
  return from_environment("KANTOR_LAB_ENGINE", KANTOR_BUILT_LAB_ENGINE);
}

}  // namespace kantor
