// The location of the sources and the program that the tests use: those of this build, or those in the environment,
// for test programs that were carried to another machine.
#pragma once

#include <filesystem>

namespace kantor {

/// KANTOR_SOURCE_FOLDER, else the checkout that this build was made of.
std::filesystem::path source_folder();
/// KANTOR_PROGRAM, else this build's own `kantor`.
std::filesystem::path program_path();
/// KANTOR_LAB_ENGINE, else this build's engine of the lab; empty where the build left it out.
std::filesystem::path lab_engine_path();

}  // namespace kantor
