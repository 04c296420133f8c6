// NVIDIA's shared libraries. They are loaded when a GPU first needs them, not when the program starts: a run on
// the CPU works without them, and a machine may not have them.
#pragma once

#include <string>

namespace kantor::cuda {

class SharedLibrary {
 public:
  /// Loads `file` ("libcublas.so.13") from where the system's loader looks, or from CUDA's usual folder; it stays
  /// loaded. Throws KernelError that names the file, what `library` needs to be installed, and how it is found.
  SharedLibrary(const std::string& library, const std::string& file);

  /// A function of the library. Throws KernelError if it has none of that name.
  template <class Function>
  [[nodiscard]] Function function(const char* name) const {
    return reinterpret_cast<Function>(symbol(name));
  }

 private:
  [[nodiscard]] void* symbol(const char* name) const;
  std::string library_, file_;
  void* handle_;
};

}  // namespace kantor::cuda

/// Declares a member of the same name and type as a function of the library's header, and loads it from `library`.
#define KANTOR_LIBRARY_FUNCTION(name) decltype(&::name) name = library.function<decltype(&::name)>(#name)
