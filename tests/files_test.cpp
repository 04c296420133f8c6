// Files of every format: valid content reads back, invalid content is refused with name, finding and expectation, and
// random damage never has a worse effect.

#include "models/files/csv.h"
#include "models/files/gzip.h"
#include "models/files/idx.h"
#include "models/files/npy.h"
#include "models/files/png.h"
#include "models/files/safetensors.h"
#include "tests/catch.h"
#include "tests/formats.h"
#include "tests/refusals.h"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <random>

using namespace kantor;

namespace {

using Bytes = std::vector<std::byte>;

const Parse as_idx = [](auto bytes) { (void)parse_idx(bytes, "the-file"); };
const Parse as_npy = [](auto bytes) { (void)parse_npy(bytes, "the-file"); };
const Parse as_csv = [](auto bytes) { (void)parse_csv(bytes, "the-file"); };
const Parse as_png = [](auto bytes) { (void)parse_png(bytes, "the-file"); };
const Parse as_safetensors = [](auto bytes) { (void)parse_safetensors(bytes, "the-file"); };

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

TEST_CASE("files: gzip of several members") {
  const std::string content = idx({2, 1, 2}, "abcd"), first = gzip(content.substr(0, 7)),
                    second = gzip(content.substr(7));
  const auto values = [](const std::string& packed) { return parse_idx(bytes_of(packed), "the-file").values; };
  const std::vector<uint8_t> four{'a', 'b', 'c', 'd'};
  CHECK(values(first + second) == four);
  CHECK(values(first + gzip("") + second + gzip("")) == four);
  CHECK(values(first + second + std::string(700, '\0')) == four);  // as tapes are padded
  refuses(as_idx, first + second + "x", "1 bytes after the end of the gzip data");
  refuses(as_idx, first + second + first, "IDX header promises 4");
  refuses(as_idx, first, "IDX header");
  for (size_t length = 1; length < second.size(); ++length) {
    CHECK_THROWS_AS(as_idx(bytes_of(first + second.substr(0, length))), FileError);
  }
  std::string bomb;
  for (int i = 0; i < 64; ++i) bomb += gzip(std::string(1 << 20, '\0'));
  CHECK_THROWS_WITH(gunzip(bytes_of(bomb), "the-file", 32 << 20), Contains("33554432"));
  refuses(as_idx, gzip(idx({4}, std::string(64 << 20, 'x'))), "5 bytes of values, the IDX header promises 4");
}

TEST_CASE("files: NPY and CSV packed with gzip") {
  const std::string array = npy("<f4", "2,", little_endian(1.5F) + little_endian(-2.0F));
  CHECK(parse_npy(bytes_of(gzip(array)), "f").to_vector<float>() == std::vector<float>{1.5F, -2});
  CHECK(parse_csv(bytes_of(gzip("x,y\n1,2\n")), "f").shape() == Shape{1, 2});
  refuses(as_npy, gzip(array + std::string(64 << 20, 'x')), "9 bytes of values, the NPY header promises 8");
  refuses(as_npy, gzip(npy("<f4", "1000000, 1000000", "abcd")), "more than");
  refuses(as_npy, gzip(array.substr(0, array.size() - 1)), "7 bytes of values");
  refuses(as_npy, gzip(gzip(array)), "gzip inside gzip");
  refuses(as_csv, gzip(gzip("1\n")), "gzip inside gzip");
}

TEST_CASE("files: CSV of every separator, with and without names, quoted or not") {
  const auto table = [](const std::string& text) { return parse_csv(bytes_of(text), "the-file"); };
  const std::vector<float> four{1, -2.5F, 3e-2F, 4};
  for (const char* text : {"1,-2.5\n0.03,4", "1,-2.5\n0.03,4\n", "1,-2.5\r\n3e-2,+4\r\n\r\n\n", "1;-2.5\n0.03;4\n",
                           "1\t-2.5\n.03\t4\n", "x,y\n1,-2.5\n0.03,4\n", "\xef\xbb\xbfx;\"y;z\"\n1;-2.5\n0.03;4\n",
                           "\"1\",\"-2.5\"\n 0.03 , \"4\" \n", "\"a \"\"b\"\", c\",\n1,-2.5\n0.03,4\n"}) {
    INFO(text);
    CHECK(table(text).shape() == Shape{2, 2});
    CHECK(table(text).to_vector<float>() == four);
  }
  CHECK(table("7").shape() == Shape{1, 1});
  CHECK(table("value\n1\n2\n3\n").shape() == Shape{3, 1});
  CHECK(table("1e-50,0\n").to_vector<float>() == std::vector<float>{0, 0});
}

TEST_CASE("files: CSV that is wrong") {
  refuses(as_csv, "", "is empty");
  refuses(as_csv, "\xef\xbb\xbf \r\n\n", "is empty");
  refuses(as_csv, "x,y\n", "no row of numbers");
  refuses(as_csv, "1,2\n3,4\n5\n", "line 3 has 1 column, expected 2 as in line 1");
  refuses(as_csv, "x,y\n1,2,3\n", "line 2 has 3 columns, expected 2");
  refuses(as_csv, "1,2\n\n3,4\n", "line 2 is empty");
  refuses(as_csv, "1,2\n3,four\n", "line 2, column 2: found \"four\", expected a number");
  refuses(as_csv, "1,two\n", "line 1, column 2: found \"two\"");
  refuses(as_csv, "1,2\nx,y\n", "line 2, column 1: found \"x\"");
  refuses(as_csv, "1,\n", "line 1, column 2: found nothing, expected a number");
  refuses(as_csv, ",\n", "line 1, column 1: found nothing");
  refuses(as_csv, "1,2\n3,nan\n", "line 2, column 2: found \"nan\", expected a finite number");
  refuses(as_csv, "-inf,2\n", "line 1, column 1: found \"-inf\", expected a finite number");
  refuses(as_csv, "1,1e39\n", "line 1, column 2: found \"1e39\", expected a finite number that float32 holds");
  refuses(as_csv, "1,1e999\n", "line 1, column 2: found \"1e999\"");
  refuses(as_csv, "1;2,5\n", "column 2: found \"2,5\"");
  refuses(as_csv, "1 2\n3 4\n", "line 2, column 1: found \"3 4\"");
  refuses(as_csv, "0x10,1\n", "found \"0x10\"");
  refuses(as_csv, "1,\"2\n", "line 1, column 2: found a quote that does not close");
  refuses(as_csv, "1,\"2\"3\n", "column 2: found \"3\" after a closing quote");
  refuses(as_csv, std::string("1,\0\n", 4), "found \"\\x00\"");
}

TEST_CASE("files: PNG of every kind as 8 bits of gray or colour") {
  Image image{2, 2, 3, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
  CHECK(parse_png(encode_png(image), "f").pixels == image.pixels);
  const Image deep = parse_png(bytes_of(png(1, 1, 16, 0, 0, std::string("\0\xff\xff", 3))), "f");
  CHECK(deep.channels == 1);
  CHECK(deep.pixels == std::vector<uint8_t>{255});
  const Image palette =
      parse_png(bytes_of(png(2, 1, 8, 3, 0, std::string("\0\1\0", 3), png_chunk("PLTE", "abcdef"))), "f");
  CHECK(palette.pixels == std::vector<uint8_t>{'d', 'e', 'f', 'a', 'b', 'c'});
  CHECK(parse_png(bytes_of(png(1, 1, 8, 0, 1, std::string("\0\x07", 2))), "f").pixels == std::vector<uint8_t>{7});
}

TEST_CASE("files: PNG with transparency is laid over white by its stored values") {
  const auto pixels = [](const std::string& file) { return parse_png(bytes_of(file), "f").pixels; };
  const auto bytes = [](std::initializer_list<int> values) {
    std::string text;
    for (const int value : values) text += static_cast<char>(value);
    return text;
  };
  // RGBA of 8 bits: half black, opaque, transparent; gray with alpha; 16 bits; tRNS of a palette, of gray, of RGB.
  CHECK(pixels(png(3, 1, 8, 6, 0, bytes({0, 0, 0, 0, 128, 10, 20, 30, 255, 9, 9, 9, 0}))) ==
        std::vector<uint8_t>{127, 127, 127, 10, 20, 30, 255, 255, 255});
  CHECK(pixels(png(2, 1, 8, 4, 0, bytes({0, 100, 128, 0, 1}))) == std::vector<uint8_t>{177, 254});
  CHECK(pixels(png(1, 1, 16, 6, 0, bytes({0, 0, 0, 0, 0, 0, 0, 128, 128}))) == std::vector<uint8_t>{127, 127, 127});
  CHECK(pixels(png(1, 1, 16, 4, 0, bytes({0, 0, 0, 128, 128}))) == std::vector<uint8_t>{127});
  CHECK(pixels(png(2, 1, 8, 3, 0, bytes({0, 0, 1}),
                   png_chunk("PLTE", bytes({0, 0, 0, 7, 8, 9})) + png_chunk("tRNS", bytes({128})))) ==
        std::vector<uint8_t>{127, 127, 127, 7, 8, 9});
  CHECK(pixels(png(2, 1, 8, 0, 0, bytes({0, 5, 6}), png_chunk("tRNS", bytes({0, 5})))) == std::vector<uint8_t>{255, 6});
  CHECK(pixels(png(2, 1, 8, 2, 0, bytes({0, 1, 2, 3, 4, 5, 6}), png_chunk("tRNS", bytes({0, 1, 0, 2, 0, 3})))) ==
        std::vector<uint8_t>{255, 255, 255, 4, 5, 6});
}

TEST_CASE("files: PNG that is wrong") {
  refuses(as_png, "", "an empty file");
  refuses(as_png, "\x01\x02", "begins with \"\\x01\\x02\"");
  refuses(as_png, "\xff\xd8\xff\xe0 JFIF", "JPEG");
  refuses(as_png, png(65535, 65535, 8, 2, 0, "x"), "65535 x 65535");
  refuses(as_png, png(8000, 8000, 8, 2, 0, "x"), "more than its");
  refuses(as_png, png(0, 1, 8, 0, 0, "x"), "0 x 1");
  const std::string sound = png(2, 2, 8, 0, 0, std::string("\0ab\0cd", 6));
  for (size_t length = 0; length < sound.size(); ++length)
    CHECK_THROWS_AS(as_png(bytes_of(sound.substr(0, length))), FileError);
  CHECK(parse_png(bytes_of(sound + "x"), "f").pixels == std::vector<uint8_t>{'a', 'b', 'c', 'd'});  // as other tools
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

TEST_CASE("files: safetensors of every element type are listed, and read where the engine has a type for them") {
  const auto one = [](const std::string& dtype, const std::string& value) {
    return parse_safetensors(bytes_of(safetensors(R"({"a":{"dtype":")" + dtype + R"(","shape":[1],"data_offsets":[0,)" +
                                                      std::to_string(value.size()) + "]}}",
                                                  value)),
                             "f");
  };
  const auto value = [&](const std::string& dtype, const std::string& bytes) {
    return one(dtype, bytes).at("a").item();
  };
  CHECK(value("I32", little_endian(-70'000)) == -70'000);
  CHECK(value("U32", little_endian(4'000'000'000U)) == 4e9);
  CHECK(value("I16", little_endian(int16_t{-3})) == -3);
  CHECK(value("U16", little_endian(uint16_t{65535})) == 65535);
  CHECK(value("I8", "\xff") == -1);
  CHECK(value("U8", "\xff") == 255);
  CHECK(value("BOOL", "\x01") == 1);
  CHECK(value("F8_E5M2", "\x3e") == 1.5);
  CHECK(value("F8_E5M2", "\xfc") == -std::numeric_limits<double>::infinity());
  CHECK(value("F8_E4M3", "\x7e") == 448);
  CHECK(value("F8_E4M3", "\x01") == 0x1p-9);
  CHECK(value("F8_E4M3", "\xb8") == -1);
  CHECK(std::isnan(value("F8_E4M3", "\x7f")));
  CHECK(one("I32", "abcd").entries[0].dtype == "int32");
  const TensorFile listed = one("C64", "abcdefgh");
  CHECK(listed.tensors.empty());
  CHECK(listed.entries[0].dtype == "complex64");
  CHECK_THROWS_WITH(listed.at("a"), Contains("f: tensor \"a\" is complex64 of shape [1], expected"));
  const TensorFile half_bytes =
      parse_safetensors(bytes_of(safetensors(R"({"a":{"dtype":"F4","shape":[2,2],"data_offsets":[0,2]}})", "ab")), "f");
  CHECK(half_bytes.entries[0].shape == std::vector<int64_t>{2, 2});
  refuses(as_safetensors, safetensors(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", "ab"), "4 bits");
  const std::string seven = R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1],"data_offsets":[0,4]}})";
  CHECK(parse_safetensors(bytes_of(safetensors(seven, "abcd")), "f").tensors.empty());
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
  const std::map<std::string, Parse> formats{{"idx", as_idx}, {"gzip", as_idx}, {"npy", as_npy},
                                             {"csv", as_csv}, {"png", as_png},  {"safetensors", as_safetensors}};
  const std::map<std::string, std::vector<std::string>> sound = sound_files();
  std::mt19937 random(1);  // of the test: the program draws from Philox
  const auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  long refused = 0;
  for (const auto& [format, parse] : formats) {
    const std::vector<std::string>& seeds = sound.at(format);
    for (long i = 0; i < iterations; ++i) {
      Bytes bytes = bytes_of(seeds[below(seeds.size())]);
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
  CHECK(refused > iterations);  // most damage is detected
}
