// NPY of every version, type and order.
#include "models/files/npy.h"

#include "tests/fuzz/target.h"

#include <vector>

namespace kantor {

void parse(Bytes data) {
  const Tensor tensor = parse_npy(data, "input");
  const NpyArray array(data, "input");
  require(tensor.shape() == array.shape(), "NPY: two shapes");
  std::vector<int> axes;  // the other way round: as images are turned
  for (int axis = tensor.rank(); axis > 0; --axis) axes.push_back(axis - 1);
  require(array.values<float>(axes).size() == static_cast<size_t>(tensor.size()), "NPY: values that are not all there");
}

size_t declared_size(Bytes data) {
  return 8 * unpacked_size(data);  // bytes become int64
}

}  // namespace kantor
