// Gzip, through zlib: one member or several, bounded, checked to the last byte.
#include "models/files/gzip.h"

#include "models/files/bytes.h"

#include <algorithm>
#include <zlib.h>

namespace kantor {

namespace {

constexpr std::string_view mark = "\x1f\x8b";

/// Inflates to the end, or stops without an error at `count` bytes.
std::vector<std::byte> inflate_all(std::span<const std::byte> data, const std::string& name, size_t limit,
                                   size_t count) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) refuse(name, "zlib could not start");
  struct End {
    z_stream& stream;
    ~End() { inflateEnd(&stream); }
  } const end{stream};

  std::vector<std::byte> result;
  if (count / deflate_limit <= data.size()) result.reserve(count);
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
      refuse(name, "inflates to more than {} bytes, the most that is read", limit);
    }
    result.insert(result.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(written));
    if (status == Z_BUF_ERROR && consumed == data.size() && written == 0) {
      refuse(name, "the gzip data is cut off after {} bytes", data.size());
    }
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      refuse(name, "bad gzip data: {}", stream.msg ? stream.msg : "no reason given");
    }
    // Another member may follow, as `cat a.gz b.gz` and pigz write them.
    if (status == Z_STREAM_END && as_text(data.subspan(consumed)).starts_with(mark)) status = inflateReset(&stream);
  }
  const Bytes rest = data.subspan(consumed);  // tapes pad their blocks with zeros
  if (std::any_of(rest.begin(), rest.end(), [](std::byte b) { return b != std::byte{0}; })) {
    refuse(name, "{} bytes after the end of the gzip data, expected none or a further gzip member", rest.size());
  }
  return result;
}

}  // namespace

bool is_gzip(Bytes data) {
  return as_text(data).starts_with(mark);
}

std::vector<std::byte> gunzip(std::span<const std::byte> data, const std::string& name, size_t limit) {
  return inflate_all(data, name, limit, SIZE_MAX);
}

std::vector<std::byte> gunzip_start(std::span<const std::byte> data, const std::string& name, size_t count) {
  return inflate_all(data, name, SIZE_MAX, count);
}

}  // namespace kantor
