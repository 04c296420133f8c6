#include "kernels/cuda/shared_library.h"

#include "kernels/launcher.h"

#include <dlfcn.h>

namespace kantor::cuda {

SharedLibrary::SharedLibrary(const std::string& library, const std::string& file) : library_(library), file_(file) {
  handle_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ != nullptr) return;
  const char* reason = dlerror();
  const std::string found = reason != nullptr ? reason : file + " cannot be loaded";
  if (found.find("cannot open shared object file") != std::string::npos) {  // absent, not damaged
    handle_ = dlopen(("/usr/local/cuda/lib64/" + file).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) return;
  }
  throw KernelError(library + " cannot be loaded: " + found + "; install NVIDIA's package with " + file +
                    ", or name the folder that holds it in LD_LIBRARY_PATH");
}

void* SharedLibrary::symbol(const char* name) const {
  if (void* found = dlsym(handle_, name)) return found;
  throw KernelError(library_ + ": " + file_ + " has no function " + name +
                    "; install the version that this program was built with, or a newer one of the same number");
}

}  // namespace kantor::cuda
