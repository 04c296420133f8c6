// NPY files: headers in every spelling, element types, orders of axes, and what is refused.
#include "models/files/npy.h"

#include "tests/catch.h"
#include "tests/formats.h"
#include "tests/refusals.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace kantor;

namespace {

using Bytes = std::vector<std::byte>;

const Parse as_npy = [](auto bytes) { (void)parse_npy(bytes, "the-file"); };

}  // namespace

TEST_CASE("files: NPY headers in every spelling that NumPy reads") {
  const std::string values = little_endian(1.5F) + little_endian(-2.0F);
  for (const char* header : {
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 1L), }          \n",
           "{'shape': (2, 1), 'fortran_order': False, 'descr': '<f4'}",
           "{\"descr\":\"<f4\",\"fortran_order\":False,\"shape\":(2,1)}",
           " {\n'descr'\t: '<f4' ,\n 'fortran_order' : True , 'shape' : ( 2 , 1 , ) , }\n\n",
           "{'descr': u'<f4', u'fortran_order': False, 'shape': (2,1)}",
           "{'descr': 'float32', 'fortran_order': False, 'shape': (2, 1)}",
           "{'descr': 'f4', 'fortran_order': False, 'shape': (2, 1)}",
           "{'descr': '=f4', 'fortran_order': False, 'shape': (2, 1)}",
       }) {
    INFO(header);
    const Tensor array = parse_npy(bytes_of(npy(header, values)), "the-file");
    CHECK(array.shape() == Shape{2, 1});
    CHECK(array.to_vector<float>() == std::vector<float>{1.5F, -2});
  }
  refuses(as_npy, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2LL,)}", values), "no comma");
  refuses(as_npy, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", values), "text after");
  refuses(as_npy, npy("{'descr': u", values), "no string");
  CHECK(parse_npy(bytes_of(npy("<u8", "1", little_endian(uint64_t{7}))), "f").item() == 7);
  refuses(as_npy, npy("<u8", "1", little_endian(~uint64_t{0})), "18446744073709551615");
}

TEST_CASE("files: NPY in Fortran order and with permuted axes, against the index by hand") {
  for (const Shape& shape : {Shape{3, 1, 5}, Shape{70, 3, 33}, Shape{1, 130, 1}, Shape{2, 65, 67}, Shape{64, 16, 2}}) {
    std::vector<uint16_t> c_order(static_cast<size_t>(shape.size()));
    for (size_t i = 0; i < c_order.size(); ++i) c_order[i] = static_cast<uint16_t>(i);
    const int64_t a = shape[0], b = shape[1], c = shape[2];
    std::string plain, fortran;
    for (const uint16_t value : c_order) plain += little_endian(value);
    for (int64_t k = 0; k < c; ++k) {
      for (int64_t j = 0; j < b; ++j) {
        for (int64_t i = 0; i < a; ++i) fortran += little_endian(static_cast<uint16_t>((i * b + j) * c + k));
      }
    }
    const std::string extents = std::to_string(a) + ", " + std::to_string(b) + ", " + std::to_string(c);
    const Bytes first = bytes_of(npy("<u2", extents, plain)), second = bytes_of(npy("<u2", extents, fortran, "True"));
    const std::vector<int> same{0, 1, 2}, last_first{2, 0, 1}, turned{2, 1, 0};
    for (const Bytes* file : {&first, &second}) {
      const NpyArray array(*file, "f");
      CHECK(array.values<float>(same) == std::vector<float>(c_order.begin(), c_order.end()));
      std::vector<float> moved, reversed;
      for (int64_t k = 0; k < c; ++k) {
        for (int64_t i = 0; i < a; ++i) {
          for (int64_t j = 0; j < b; ++j) moved.push_back(static_cast<float>((i * b + j) * c + k));
        }
      }
      for (int64_t k = 0; k < c; ++k) {
        for (int64_t j = 0; j < b; ++j) {
          for (int64_t i = 0; i < a; ++i) reversed.push_back(static_cast<float>((i * b + j) * c + k));
        }
      }
      CHECK(array.values<float>(last_first) == moved);
      CHECK(array.values<float>(turned) == reversed);
    }
  }
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
