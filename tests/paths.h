// The location of the sources and the program that the tests use: those of this build, or those in the environment,
// for test programs that were carried to another machine.
#pragma once

#include <filesystem>

namespace kantor {

/// KANTOR_SOURCE_FOLDER, else the checkout that this build was made of.
std::filesystem::path source_folder();
/// KANTOR_PROGRAM, else this build's own `kantor`.
std::filesystem::path program_path();

}  // namespace kantor
