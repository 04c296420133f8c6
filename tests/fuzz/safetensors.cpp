// safetensors: what is read can be written and read again.
#include "models/files/safetensors.h"

#include "tests/fuzz/target.h"

namespace kantor {

void parse(Bytes data) {
  const std::vector<std::byte> written = encode_safetensors(parse_safetensors(data, "input"));
  const TensorFile again = parse_safetensors(written, "again");
  require(again.verified, "safetensors: no digest when written again");
  require(encode_safetensors(again) == written, "safetensors: other bytes when read again");
}

size_t declared_size(Bytes data) {
  return 8 * data.size();  // bytes become int64
}

}  // namespace kantor
