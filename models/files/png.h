// PNG.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace kantor {

/// An image of 8 bits a channel.
struct Image {
  int width = 0, height = 0, channels = 3;  // 1 gray, 3 RGB
  std::vector<uint8_t> pixels;              // rows, top first
};
/// The image as a PNG, written into a file or returned as bytes.
void write_png(const std::filesystem::path& path, const Image& image);
std::vector<std::byte> encode_png(const Image& image);
/// Any PNG of at most 2^26 pixels as 8-bit gray or RGB: palettes and 16 bits converted, transparency laid over white by
/// its stored values (as browsers do), gamma and colour profiles ignored, and so is what follows its end.
Image parse_png(std::span<const std::byte> data, const std::string& name);
/// Whether the bytes begin as those of a PNG do, up to its size.
bool is_png(std::span<const std::byte> data);
Image read_png(const std::filesystem::path& path);

}  // namespace kantor
