// Lists of whole numbers as people write them: "1..100", "1,2,7", "1..3,7".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kantor {

/// From `first` to `last`, both included.
struct NumberRange {
  int64_t first = 0, last = 0;
};

/// Numbers in the order in which they are written; they need not be in memory to be counted.
class Numbers {
 public:
  /// Numbers of at least 0. Throws ConfigError, which names `option`, the part that was found and what was expected.
  static Numbers parse(const std::string& text, const std::string& option);

  /// How many there are; INT64_MAX where there are more.
  [[nodiscard]] int64_t count() const;
  [[nodiscard]] std::vector<int64_t> all() const;
  void append(const Numbers& more);

 private:
  std::vector<NumberRange> ranges_;
};

/// a * b for factors of at least 0; INT64_MAX where it is larger.
int64_t saturating_product(int64_t a, int64_t b);

}  // namespace kantor
