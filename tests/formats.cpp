#include "tests/formats.h"

#include "models/files/png.h"
#include "models/files/safetensors.h"
#include "models/training/config.h"
#include "models/training/config_toml.h"
#include "models/training/presets.h"

#include <zlib.h>

namespace kantor {
namespace {

std::string to_text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

std::string big_endian(uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 255);
  return text;
}

std::string idx(const std::vector<uint32_t>& shape, const std::string& values, char type) {
  std::string text{'\0', '\0', type, static_cast<char>(shape.size())};
  for (const uint32_t extent : shape) text += big_endian(extent);
  return text + values;
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string npy(const std::string& header, const std::string& values) {
  return std::string("\x93NUMPY\x01\x00", 8) + little_endian(static_cast<uint16_t>(header.size())) + header + values;
}

std::string npy(const std::string& descr, const std::string& shape, const std::string& values,
                const std::string& fortran) {
  return npy("{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': (" + shape + "), }\n", values);
}

std::string safetensors(const std::string& header, const std::string& values) {
  return little_endian(static_cast<uint64_t>(header.size())) + header + values;
}

std::string png_chunk(const std::string& type, const std::string& content) {
  const std::string checked = type + content;
  const uLong sum = crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return big_endian(static_cast<uint32_t>(content.size())) + checked + big_endian(static_cast<uint32_t>(sum));
}

std::string png(uint32_t width, uint32_t height, char depth, char colour, char interlace, const std::string& raw,
                const std::string& before) {
  std::string packed(compressBound(raw.size()), '\0');
  uLongf size = packed.size();
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(raw.data()), raw.size());
  packed.resize(size);
  const std::string header = big_endian(width) + big_endian(height) + depth + colour + '\0' + '\0' + interlace;
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + before + png_chunk("IDAT", packed) + png_chunk("IEND", "");
}

TensorFile small_checkpoint() {
  TensorFile file;
  file.metadata = {{"kantor.step", "7"}, {"note", "quote \" backslash \\ tab \t"}};
  file.tensors.emplace_back("critic.0.weight", from_host<float>({1, -2, 0.5F, 3}, {2, 2}));
  file.tensors.emplace_back("counter", from_host<int64_t>({1LL << 40}, {}, {DType::int64, {}}));
  file.tensors.emplace_back("empty", zeros({0, 3}));
  return file;
}

std::map<std::string, std::vector<std::string>> sound_files() {
  const std::string images = idx({2, 2, 2}, "abcdefgh"), row("\0\1\0", 3);
  const Image colour{3, 2, 3, std::vector<uint8_t>(18, 77)};
  std::vector<std::string> configurations{"train.steps = 7\n[critic]\nlambda = 0.1 # comment\n"};
  for (const std::string& name : preset_names()) configurations.push_back(to_toml(preset(name, "clip"), true));
  return {{"idx", {images, idx({4}, "abcd")}},
          {"gzip",
           {gzip(images), gzip(std::string(1000, 'x')), gzip(images.substr(0, 9)) + gzip("") + gzip(images.substr(9)),
            gzip(images) + std::string(20, '\0')}},
          {"npy",
           {npy("<f4", "2, 1", "abcdefgh"), npy(">i2", "2,", "abcd", "True"), npy("|b1", "2, 2", "abcd", "True"),
            npy("<f2", "", "ab"), npy("<f8", "1, 1, 1", "abcdefgh"), npy("<u8", "1L, 1L", "abcdefg\1"),
            npy("{\"shape\":(2,1),\n'fortran_order': True, 'descr': u'float32'}", "abcdefgh"),
            gzip(npy("<f4", "2, 1", "abcdefgh"))}},
          {"csv", {"x,y\n1,-2.5\n3e-2,4\n", "\"1\";\"2\"\r\n3;4\r\n\r\n", "\"a \"\"b\"\"\"\tc\n+1\t.5\n", "1\n2\n"}},
          {"png",
           {to_text(encode_png(colour)), png(2, 1, 8, 3, 0, row, png_chunk("PLTE", "abcdef")), png(1, 1, 16, 0, 1, row),
            png(1, 1, 8, 4, 0, row), png(1, 1, 8, 4, 0, row) + "x", png(1, 1, 8, 6, 0, std::string("\0\1\2\3\x80", 5)),
            png(2, 1, 8, 3, 0, row, png_chunk("PLTE", "abcdef") + png_chunk("tRNS", "\x80")),
            png(8, 1, 1, 0, 0, std::string("\0a", 2))}},
          {"toml", configurations},
          {"safetensors",
           {to_text(encode_safetensors(small_checkpoint())),
            safetensors(R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", "abcd"),
            safetensors(R"({"a":{"dtype":"I16","shape":[1],"data_offsets":[0,2]},)"
                        R"("b":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[2,3]},)"
                        R"("c":{"dtype":"F4","shape":[2],"data_offsets":[3,4]}})",
                        "abcd"),
            safetensors(R"({"__metadata__":{"k":"v"},"a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]}})", "ab")}}};
}

}  // namespace kantor
