// Samples of a file, drawn with replacement.
#pragma once

#include "models/data/dataset.h"

#include <filesystem>
#include <string>

namespace kantor {

/// IDX images [N, H, W] of bytes; NPY points [N, D], sequences [N, T, D], or images: [N, C, H, W] (PyTorch's order),
/// [N, H, W, C] where no other reading makes sense, and [N, H, W] of uint8 or bool, in [0, 1] or, if integers, in
/// 0..255 or all 0 or 1; CSV (by its name) [N, D]; all of these plain or gzip; a folder of PNGs of one size
/// (image_folder.cpp). Throws FileError, also for values that are not finite.
DatasetPtr open_samples(const std::filesystem::path& path, std::string name);

}  // namespace kantor
