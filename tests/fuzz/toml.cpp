// A configuration: what is accepted prints as a text that reads back the same.
#include "models/training/config.h"
#include "models/training/config_toml.h"
#include "tests/fuzz/target.h"

namespace kantor {

void parse(Bytes data) {
  RunConfig config, again;
  apply_toml(config, {reinterpret_cast<const char*>(data.data()), data.size()}, "input");
  apply_toml(again, to_toml(config), "again");
  require(to_toml(again) == to_toml(config), "TOML: another configuration when read again");
}

size_t declared_size(Bytes) {
  return 0;
}

}  // namespace kantor
