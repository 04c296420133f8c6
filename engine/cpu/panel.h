// Multiplies rows, anywhere in memory, by a packed panel: the inner loop of the direct convolutions. A tile of sums
// stays in registers over all terms, the terms' panel rows in the first-level cache over all rows: a vector of the
// panel is loaded once for all rows of a tile, an element of a row once for all vectors of the panel. With AVX-512, 24
// multiply-adds take 10 loads.
#pragma once

#include "engine/cpu/vector.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace kantor::cpu {

// Registers that hold sums, and vectors side by side in the widest panel; the rest of the registers hold operands.
inline constexpr int sum_registers = vector_bytes == 64 ? 24 : 12, panel_vectors = vector_bytes == 64 ? 4 : 2;
inline constexpr int tallest_tile = 12;  // more addresses of rows would not fit into registers

/// Columns [0, n) of a matrix of `rows` rows, cut into panels of whole vectors and similar widths. A panel is packed
/// row by row, with zeros beyond column n, and panels follow one another.
template <class T>
struct Panels {
  int64_t rows, columns, count;

  Panels(int64_t row_count, int64_t column_count)
      : rows(row_count), columns(column_count), count((vectors() + panel_vectors - 1) / panel_vectors) {}
  [[nodiscard]] int64_t vectors() const { return (columns + lanes<T> - 1) / lanes<T>; }
  /// First column of a panel, and columns with and without the zeros.
  [[nodiscard]] int64_t first(int64_t panel) const { return panel * vectors() / count * lanes<T>; }
  [[nodiscard]] int64_t width(int64_t panel) const { return first(panel + 1) - first(panel); }
  [[nodiscard]] int64_t used(int64_t panel) const {
    return (panel + 1 == count ? columns : first(panel + 1)) - first(panel);
  }
  [[nodiscard]] int64_t offset(int64_t panel) const { return rows * first(panel); }
  [[nodiscard]] int64_t size() const { return rows * vectors() * lanes<T>; }
};

/// Number of rows of a panel of this width that stay in the first-level cache beside the data that streams through it.
template <class T>
int64_t cached_rows(int64_t width) {
  constexpr int64_t bytes = 24 * 1024;
  return bytes / (width * static_cast<int64_t>(sizeof(T)));
}

/// One term of every sum: the element at `offset` of a row times the panel's row at `row`, both in elements.
struct Term {
  int64_t offset, row;
};

template <class T, int rows, int vectors>
void tile_product(const T* const* a, std::span<const Term> terms, const T* panel, T* const* c, int64_t columns,
                  bool add) {
  constexpr int64_t width = vectors * lanes<T>;
  const bool ragged = columns < width;
  T edge[width] = {};
  Vector<T> sums[rows][vectors] = {};
  for (int r = 0; r < rows && add; ++r) {
    if (ragged) std::copy_n(c[r], columns, edge);
    for (int v = 0; v < vectors; ++v) sums[r][v] = load((ragged ? edge : c[r]) + v * lanes<T>);
  }
  const T* at[rows];
  for (int r = 0; r < rows; ++r) at[r] = a[r];
  const Term* const last = terms.data() + terms.size();
  for (const Term* term = terms.data(); term != last; ++term) {
    constexpr int ahead = 8;  // about 100 cycles: the hardware does not prefetch rows that are a stride apart
    __builtin_prefetch(at[0] + (last - term > ahead ? term[ahead] : *term).offset);
    Vector<T> right[vectors];
    for (int v = 0; v < vectors; ++v) right[v] = load(panel + term->row + v * lanes<T>);
    for (int r = 0; r < rows; ++r) {
      const Vector<T> left = at[r][term->offset] - Vector<T>{};  // in every lane; minus 0 keeps -0
      for (int v = 0; v < vectors; ++v) sums[r][v] += left * right[v];
    }
  }
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) store((ragged ? edge : c[r]) + v * lanes<T>, sums[r][v]);
    if (ragged) std::copy_n(edge, columns, c[r]);
  }
}

/// c[r][j] = sum over the terms of a[r][offset] panel[row + j] (+ c[r][j] where `add`), j in [0, columns). a and c hold
/// `rows` pointers and, up to a whole tile, copies of the last one.
template <class T>
void panel_product(const T* const* a, std::span<const Term> terms, const T* panel, int64_t width, T* const* c,
                   int64_t rows, int64_t columns, bool add) {
  const auto run = [&]<int vectors>() {
    constexpr int height = std::min(sum_registers / vectors, tallest_tile);
    for (int64_t r = 0; r < rows; r += height) {
      if (rows - r > height / 2) {
        tile_product<T, height, vectors>(a + r, terms, panel, c + r, columns, add);
      } else {
        tile_product<T, height / 2, vectors>(a + r, terms, panel, c + r, columns, add);
      }
    }
  };
  switch (width / lanes<T>) {
    case 1:
      return run.template operator()<1>();
    case 2:
      return run.template operator()<2>();
    case 3:
      return run.template operator()<3>();
    default:
      return run.template operator()<panel_vectors>();
  }
}

/// The rows and terms of a product. Each thread keeps them from call to call.
template <class T>
class PanelProduct {
 public:
  static PanelProduct& of_thread() {
    thread_local PanelProduct product;
    product.a_.clear();
    product.c_.clear();
    product.terms_.clear();
    return product;
  }
  void add_row(const T* a, T* c) {
    a_.push_back(a);
    c_.push_back(c);
  }
  void add_term(Term term) { terms_.push_back(term); }
  /// Runs in parts of similar lengths, so short that a part's panel rows stay in the first-level cache for all rows.
  void run(const T* panel, int64_t width, int64_t columns, bool add) {
    const auto rows = static_cast<int64_t>(a_.size());
    a_.resize(a_.size() + tallest_tile, a_.back());
    c_.resize(c_.size() + tallest_tile, c_.back());
    const size_t parts = std::max<size_t>(1, (terms_.size() + cached_rows<T>(width) - 1) / cached_rows<T>(width));
    for (size_t part = 0; part < parts; ++part) {
      const size_t begin = part * terms_.size() / parts, end = (part + 1) * terms_.size() / parts;
      panel_product<T>(a_.data(), std::span(terms_).subspan(begin, end - begin), panel, width, c_.data(), rows, columns,
                       add || part > 0);
    }
  }

 private:
  std::vector<const T*> a_;
  std::vector<T*> c_;
  std::vector<Term> terms_;
};

}  // namespace kantor::cpu
