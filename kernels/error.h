// The exceptions that kernels and engine share; engine/error.h has the others of the family.
#pragma once

#include <stdexcept>

namespace kantor {

/// Base of every error that Kantor throws on purpose.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A device that is absent, full, or differs between the inputs of one operation.
struct DeviceError : Error {
  using Error::Error;
};

/// A kernel that could not be launched, or that the simulator found at fault. Its text names the kernel.
struct KernelError : DeviceError {
  using DeviceError::DeviceError;
};

}  // namespace kantor
