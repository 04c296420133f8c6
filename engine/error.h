// The exceptions of the engine. Each text says what was asked, of what, and what would be right.
#pragma once

#include "kernels/error.h"  // Error, DeviceError, KernelError

namespace kantor {

/// Shapes, ranks or sizes that do not fit an operation.
struct ShapeError : Error {
  using Error::Error;
};

/// An element type that an operation does not take.
struct DTypeError : Error {
  using Error::Error;
};

/// An action that a captured step cannot record, such as reading a value on the host.
struct CaptureError : Error {
  using Error::Error;
};

/// A value that was overwritten between its use and the derivative that needs it.
struct VersionError : Error {
  using Error::Error;
};

/// A loss, gradient or weight that is NaN or infinite.
struct NonFiniteError : Error {
  using Error::Error;
};

}  // namespace kantor
