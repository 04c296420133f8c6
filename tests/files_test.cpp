// Files of every format: what is sound reads back, what is not is refused by name with what was found and expected, and
// random damage never does more than that.
#include "models/files/files.h"

#include "tests/catch.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <zlib.h>

using namespace kantor;
using Catch::Matchers::Contains;

namespace {

using Bytes = std::vector<std::byte>;
using Parse = std::function<void(std::span<const std::byte>)>;

Bytes bytes_of(const std::string& text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}
std::string big_endian(uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 255);
  return text;
}
template <class T>
std::string little_endian(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string idx(const std::vector<uint32_t>& shape, const std::string& values, char type = 8) {
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
                const std::string& fortran = "False") {
  return npy("{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': (" + shape + "), }\n", values);
}

std::string safetensors(const std::string& header, const std::string& values) {
  return little_endian(static_cast<uint64_t>(header.size())) + header + values;
}

std::string chunk(const std::string& type, const std::string& content) {
  const std::string checked = type + content;
  const uLong sum = crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return big_endian(static_cast<uint32_t>(content.size())) + checked + big_endian(static_cast<uint32_t>(sum));
}
/// A PNG of the given depth and colour type whose compressed rows are `raw`; `before` stands before its data.
std::string png(uint32_t width, uint32_t height, char depth, char colour, char interlace, const std::string& raw,
                const std::string& before = "") {
  std::string packed(compressBound(raw.size()), '\0');
  uLongf size = packed.size();
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(raw.data()), raw.size());
  packed.resize(size);
  const std::string header = big_endian(width) + big_endian(height) + depth + colour + '\0' + '\0' + interlace;
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + before + chunk("IDAT", packed) + chunk("IEND", "");
}

void refuses(const Parse& parse, const std::string& content, const std::string& text) {
  const Bytes bytes = bytes_of(content);
  INFO(text);
  CHECK_THROWS_AS(parse(bytes), FileError);
  CHECK_THROWS_WITH(parse(bytes), Contains("the-file") && Contains(text));
}

const Parse as_idx = [](auto bytes) { (void)parse_idx(bytes, "the-file"); };
const Parse as_npy = [](auto bytes) { (void)parse_npy(bytes, "the-file"); };
const Parse as_png = [](auto bytes) { (void)parse_png(bytes, "the-file"); };
const Parse as_safetensors = [](auto bytes) { (void)parse_safetensors(bytes, "the-file"); };

TensorFile small_checkpoint() {
  TensorFile file;
  file.metadata = {{"kantor.step", "7"}, {"note", "quote \" backslash \\ tab \t"}};
  file.tensors.emplace_back("critic.0.weight", from_host<float>({1, -2, 0.5F, 3}, {2, 2}));
  file.tensors.emplace_back("counter", from_host<int64_t>({1LL << 40}, {}, {DType::int64, {}}));
  file.tensors.emplace_back("empty", zeros({0, 3}));
  return file;
}

}  // namespace

TEST_CASE("files: IDX, plain and gzip") {
  const IdxBytes plain = parse_idx(bytes_of(idx({2, 1, 2}, "abcd")), "the-file");
  CHECK(plain.shape == std::vector<int64_t>{2, 1, 2});
  CHECK(plain.values == std::vector<uint8_t>{'a', 'b', 'c', 'd'});
  CHECK(parse_idx(bytes_of(gzip(idx({4}, "abcd"))), "the-file").values == plain.values);
  refuses(as_idx, "", "0 bytes");
  refuses(as_idx, std::string("\0\0\x08\x03", 4), "cut off");
  refuses(as_idx, idx({0xffffffff, 0xffffffff, 0xffffffff}, "abcd"), "more than fit into memory");
  refuses(as_idx, idx({5}, "abcd"), "4 bytes of values, the IDX header promises 5");
  refuses(as_idx, idx({3}, "abcd"), "4 bytes of values, the IDX header promises 3");
  refuses(as_idx, idx({4}, "abcd", 0x0d), "element type 0x0d");
  refuses(as_idx, idx({1, 1, 1, 1, 4}, "abcd"), "rank 5");
  refuses(as_idx, "abcdef", "begins with 61 62");
}

TEST_CASE("files: gzip that is cut, damaged, doubled or a bomb") {
  const std::string packed = gzip(idx({1000}, std::string(1000, 'x')));
  for (size_t length = 2; length < packed.size(); ++length)
    CHECK_THROWS_AS(as_idx(bytes_of(packed.substr(0, length))), FileError);
  std::string wrong = packed;
  wrong[wrong.size() - 6] = static_cast<char>(wrong[wrong.size() - 6] ^ 1);  // of the CRC
  CHECK_THROWS_AS(as_idx(bytes_of(wrong)), FileError);
  refuses(as_idx, gzip(gzip(idx({1}, "x"))), "gzip inside gzip");
  const std::string bomb = gzip(std::string(64 << 20, '\0'));
  CHECK(bomb.size() < 100'000);
  CHECK_THROWS_WITH(gunzip(bytes_of(bomb), "the-file", 1 << 20), Contains("the-file") && Contains("1048576"));
  CHECK(gunzip_start(bytes_of(bomb), "the-file", 10).size() == 10);
}

TEST_CASE("files: NPY of every type and order") {
  CHECK(parse_npy(bytes_of(npy(">f4", "2,", std::string("\x3f\x80\0\0\xc0\0\0\0", 8))), "f").to_vector<float>() ==
        std::vector<float>{1, -2});
  CHECK(parse_npy(bytes_of(npy("<f2", "2", little_endian<uint16_t>(0x3c00) + little_endian<uint16_t>(0x0001))), "f")
            .to_vector<double>() == std::vector<double>{1, 0x1p-24});
  CHECK(parse_npy(bytes_of(npy("|i1", "3,", "\x01\xff\x80")), "f").to_vector<double>() ==
        std::vector<double>{1, -1, -128});
  CHECK(parse_npy(bytes_of(npy("|b1", "2,", std::string("\0\1", 2))), "f").to_vector<double>() ==
        std::vector<double>{0, 1});
  std::string columns;  // [[1, 2, 3], [4, 5, 6]] in Fortran order
  for (const double v : {1., 4., 2., 5., 3., 6.}) columns += little_endian(v);
  const Tensor fortran = parse_npy(bytes_of(npy("<f8", "2, 3", columns, "True")), "f");
  CHECK(fortran.dtype() == DType::float64);
  CHECK(fortran.to_vector<double>() == std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(parse_npy(bytes_of(npy("<f4", "0, 3", "")), "f").shape() == Shape{0, 3});
  CHECK(parse_npy(bytes_of(npy("<f4", "", little_endian(2.5F))), "f").item() == 2.5);
}

TEST_CASE("files: NPY that is wrong") {
  refuses(as_npy, "", "magic");
  refuses(as_npy, "\x93NUMPY", "magic");
  refuses(as_npy, std::string("\x93NUMPY\x02\x00\xf0\xff\xff\xff{}", 14), "claims 4294967280 bytes");
  refuses(as_npy, std::string("\x93NUMPY\x09\x00\x02\x00{}", 12), "version 9");
  refuses(as_npy, npy("<f4", "4294967296, 4294967296, 4294967296", ""), "beyond 2^64");
  refuses(as_npy, npy("<f4", "-1,", "abcd"), "numbers >= 0");
  refuses(as_npy, npy("|O", "1,", "abcdefgh"), "'|O'");
  refuses(as_npy, npy("<U4", "1,", "abcd"), "'<U4'");
  refuses(as_npy, npy("<c8", "1,", "abcdefgh"), "'<c8'");
  refuses(as_npy, npy("<f4", "2,", "abcd"), "4 bytes of values, the NPY header promises 8");
  refuses(as_npy, npy("<f4", "1,", "abcdefgh"), "8 bytes of values, the NPY header promises 4");
  refuses(as_npy, npy("__import__('os').system('true')\n", ""), "the-file");
  refuses(as_npy, npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "abcd"), "the-file");
  refuses(as_npy, npy("{'descr': '<f4'}", "abcd"), "the-file");
}

TEST_CASE("files: PNG of every kind as 8 bits of gray or colour") {
  Image image{2, 2, 3, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
  CHECK(parse_png(encode_png(image), "f").pixels == image.pixels);
  const Image deep = parse_png(bytes_of(png(1, 1, 16, 0, 0, std::string("\0\xff\xff", 3))), "f");
  CHECK(deep.channels == 1);
  CHECK(deep.pixels == std::vector<uint8_t>{255});
  const Image palette = parse_png(bytes_of(png(2, 1, 8, 3, 0, std::string("\0\1\0", 3), chunk("PLTE", "abcdef"))), "f");
  CHECK(palette.pixels == std::vector<uint8_t>{'d', 'e', 'f', 'a', 'b', 'c'});
  CHECK(parse_png(bytes_of(png(1, 1, 8, 0, 1, std::string("\0\x07", 2))), "f").pixels == std::vector<uint8_t>{7});
}

TEST_CASE("files: PNG that is wrong") {
  refuses(as_png, "", "begins with");
  refuses(as_png, "\xff\xd8\xff\xe0 JFIF", "JPEG");
  refuses(as_png, png(65535, 65535, 8, 2, 0, "x"), "65535 x 65535");
  refuses(as_png, png(8000, 8000, 8, 2, 0, "x"), "more than its");
  refuses(as_png, png(0, 1, 8, 0, 0, "x"), "0 x 1");
  const std::string sound = png(2, 2, 8, 0, 0, std::string("\0ab\0cd", 6));
  for (size_t length = 0; length < sound.size(); ++length)
    CHECK_THROWS_AS(as_png(bytes_of(sound.substr(0, length))), FileError);
  refuses(as_png, sound + "x", "1 bytes follow");
  CHECK_THROWS_AS(encode_png({2, 2, 1, {1, 2, 3}}), ShapeError);
}

TEST_CASE("files: safetensors of this and of other programs") {
  const TensorFile file = parse_safetensors(encode_safetensors(small_checkpoint()), "f");
  CHECK(file.verified);
  CHECK(file.metadata == small_checkpoint().metadata);
  CHECK(file.at("critic.0.weight").to_vector<float>() == std::vector<float>{1, -2, 0.5F, 3});
  CHECK(file.at("counter").to_vector<int64_t>() == std::vector<int64_t>{1LL << 40});
  CHECK(file.at("empty").shape() == Shape{0, 3});
  CHECK_THROWS_WITH(file.at("absent"), Contains("absent"));
  CHECK(encode_safetensors(file) == encode_safetensors(small_checkpoint()));
  const TensorFile foreign =
      parse_safetensors(bytes_of(safetensors(R"({"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}})",
                                             little_endian<uint16_t>(0x3fc0))),
                        "f");
  CHECK_FALSE(foreign.verified);
  CHECK(foreign.at("a").item() == 1.5);
}

TEST_CASE("files: safetensors that are wrong") {
  const auto tensor = [](const std::string& name, const std::string& shape, const std::string& offsets) {
    return "\"" + name + R"(":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
  };
  const std::string eight(8, 'x');
  refuses(as_safetensors, "", "the-file");
  refuses(as_safetensors, std::string(8, '\xff'), "the-file");
  refuses(as_safetensors, little_endian<uint64_t>(100'000'001) + "{}", "100000001");
  refuses(as_safetensors,
          safetensors("{" + tensor("a", "[1]", "[0,4]") + "," + tensor("a", "[1]", "[4,8]") + "}", eight), "a");
  refuses(as_safetensors,
          safetensors("{" + tensor("a", "[1]", "[0,4]") + "," + tensor("b", "[2]", "[0,8]") + "}", eight), "b");
  refuses(as_safetensors, safetensors("{" + tensor("a", "[1]", "[0,4]") + "}", eight), "8");
  refuses(as_safetensors, safetensors("{" + tensor("a", "[1]", "[4,8]") + "}", eight), "a");
  refuses(as_safetensors, safetensors("{" + tensor("a", "[2]", "[0,12]") + "}", eight), "a");
  refuses(as_safetensors, safetensors("{" + tensor("a", "[3]", "[0,8]") + "}", eight), "a");
  refuses(as_safetensors, safetensors("{" + tensor("a", "[4294967296,4294967296,4294967296]", "[0,8]") + "}", eight),
          "a");
  refuses(as_safetensors, safetensors("{" + tensor("a", "[-2]", "[0,8]") + "}", eight), "the-file");
  refuses(as_safetensors, safetensors(R"({"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})", eight), "F99");
  refuses(as_safetensors, safetensors("[1]", ""), "the-file");
  refuses(as_safetensors, safetensors(std::string(1000, '['), ""), "the-file");
}

TEST_CASE("files: every flipped bit and every truncation of a checkpoint is refused") {
  const Bytes sound = encode_safetensors(small_checkpoint());
  for (size_t bit = 0; bit < 8 * sound.size(); ++bit) {
    Bytes damaged = sound;
    damaged[bit / 8] ^= std::byte{static_cast<uint8_t>(1U << bit % 8)};
    INFO("bit " << bit);
    CHECK_THROWS_AS(as_safetensors(damaged), FileError);
  }
  for (size_t length = 0; length < sound.size(); ++length) {
    CHECK_THROWS_AS(as_safetensors(std::span(sound).first(length)), FileError);
  }
}

TEST_CASE("files: random damage is refused or read, never more (KANTOR_FUZZ_ITERATIONS a format)") {
  const char* wanted = std::getenv("KANTOR_FUZZ_ITERATIONS");
  const long iterations = wanted != nullptr ? std::atol(wanted) : 50'000;
  Image image{3, 2, 3, std::vector<uint8_t>(18, 77)};
  const std::vector<std::pair<Parse, std::vector<Bytes>>> formats{
      {as_idx, {bytes_of(idx({2, 2, 2}, "abcdefgh")), bytes_of(gzip(idx({2, 3}, "abcdef")))}},
      {as_npy, {bytes_of(npy("<f4", "2, 1", "abcdefgh")), bytes_of(npy(">i2", "2,", "abcd", "True"))}},
      {as_png, {encode_png(image), bytes_of(png(2, 1, 8, 3, 0, std::string("\0\1\0", 3), chunk("PLTE", "abcdef")))}},
      {as_safetensors,
       {encode_safetensors(small_checkpoint()),
        bytes_of(safetensors(R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", "abcd"))}}};
  std::mt19937 random(1);  // of the test: the program draws from Philox
  const auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  long refused = 0;
  for (const auto& [parse, seeds] : formats) {
    for (long i = 0; i < iterations; ++i) {
      Bytes bytes = seeds[below(seeds.size())];
      for (size_t edits = 1 + below(4); edits > 0 && !bytes.empty(); --edits) {
        const size_t at = below(bytes.size());
        const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        switch (below(4)) {
          case 0:
            *place = static_cast<std::byte>(below(256));
            break;
          case 1:
            bytes.erase(place, place + static_cast<std::ptrdiff_t>(1 + below(std::min<size_t>(8, bytes.size() - at))));
            break;
          case 2:
            bytes.insert(place, 1 + below(8), static_cast<std::byte>(below(256)));
            break;
          default:
            *place = below(2) == 0 ? std::byte{0xff} : std::byte{0};
        }
      }
      try {
        parse(bytes);
      } catch (const FileError&) {
        ++refused;
      }
    }
  }
  CHECK(refused > iterations);  // most damage is seen
}
