// Gzip, through zlib: bounded, checked to the last byte.
#include "models/files/files.h"

#include <fmt/format.h>
#include <zlib.h>

namespace kantor {

namespace {

/// Inflates to the end, or stops quietly at `count` bytes.
std::vector<std::byte> inflate_all(std::span<const std::byte> data, const std::string& name, size_t limit,
                                   size_t count) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) throw FileError(name + ": zlib could not start");
  struct End {
    z_stream& stream;
    ~End() { inflateEnd(&stream); }
  } const end{stream};

  std::vector<std::byte> result;
  std::vector<std::byte> chunk(size_t{1} << 16);
  size_t consumed = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    const size_t part = std::min<size_t>(data.size() - consumed, size_t{1} << 20);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(data.data() + consumed));
    stream.avail_in = static_cast<uInt>(part);
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = inflate(&stream, Z_NO_FLUSH);
    consumed += part - stream.avail_in;
    const size_t written = chunk.size() - stream.avail_out;
    if (result.size() + written >= count) {
      result.insert(result.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(count - result.size()));
      return result;
    }
    if (result.size() + written > limit) {
      throw FileError(fmt::format("{}: inflates to more than {} bytes, the most that is read", name, limit));
    }
    result.insert(result.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(written));
    if (status == Z_BUF_ERROR && consumed == data.size() && written == 0) {
      throw FileError(fmt::format("{}: the gzip data is cut off after {} bytes", name, data.size()));
    }
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      throw FileError(fmt::format("{}: bad gzip data: {}", name, stream.msg ? stream.msg : "no reason given"));
    }
  }
  if (consumed != data.size()) {
    throw FileError(fmt::format("{}: {} bytes after the end of the gzip data", name, data.size() - consumed));
  }
  return result;
}

}  // namespace

std::vector<std::byte> gunzip(std::span<const std::byte> data, const std::string& name, size_t limit) {
  return inflate_all(data, name, limit, SIZE_MAX);
}

std::vector<std::byte> gunzip_start(std::span<const std::byte> data, const std::string& name, size_t count) {
  return inflate_all(data, name, SIZE_MAX, count);
}

}  // namespace kantor
