// Output pixels whose windows lie in the image alike form a group: the same taps for all, so none is multiplied that
// meets padding, and each tap's channels are a stretch of a matrix product (engine/cpu/panel.h) whose rows are the
// group's pixels. A corner of the picture is a group, an edge, the middle; with a stride the input gradient has such
// groups for every parity of place, because only taps ky = (y + padding) mod stride, + stride, ... meet row y.
//
// FLOPs: 2 O C for each pair of an output pixel and a tap inside the image. Filters are packed into panels once.
#include "engine/cpu/direct_conv2d.h"

#include "engine/cpu/panel.h"
#include "engine/cpu/parallel.h"
#include "engine/cpu/scratch.h"

#include <algorithm>
#include <vector>

namespace kantor::cpu {
namespace {

double work_of(const ConvShape& c) {
  return static_cast<double>(c.pixels()) * static_cast<double>(c.filters * c.window()) / 8;
}

/// Images that a product reads or writes.
template <class T>
struct Images {
  T* data;
  int64_t height, width, channels;

  [[nodiscard]] T* at(int64_t image, int64_t y, int64_t x) const {
    return data + ((image * height + y) * width + x) * channels;
  }
};

/// Along one axis: the taps first, first + stride, ... of a place that meet the source, and where the first one does.
struct Taps {
  int64_t first, count, source;
  friend bool alike(const Taps& a, const Taps& b) { return a.first == b.first && a.count == b.count; }
};

/// Along one axis: places begin + step i that have the same taps, i in [0, count).
struct Places {
  int64_t begin, step, count;
  Taps taps;
};

/// Taps of a place of the forward product's output: they and their sources ascend by 1, sources by `stride` a place.
struct ForwardAxis {
  static constexpr int64_t tap_direction = 1;
  int64_t source_extent, kernel, stride, padding;

  [[nodiscard]] int64_t place_step() const { return 1; }
  [[nodiscard]] int64_t tap_step() const { return 1; }
  [[nodiscard]] int64_t source_step() const { return stride; }
  [[nodiscard]] Taps taps(int64_t place) const {
    const int64_t start = place * stride - padding;
    const int64_t first = std::clamp<int64_t>(-start, 0, kernel);
    const int64_t last = std::clamp<int64_t>(source_extent - start, first, kernel);
    return {first, last - first, start + first};
  }
};

/// Taps of a place of the input gradient: every stride-th, their sources descend by 1, and ascend by 1 a place.
struct BackwardAxis {
  static constexpr int64_t tap_direction = -1;
  int64_t source_extent, kernel, stride, padding;

  [[nodiscard]] int64_t place_step() const { return stride; }
  [[nodiscard]] int64_t tap_step() const { return stride; }
  [[nodiscard]] int64_t source_step() const { return 1; }
  [[nodiscard]] Taps taps(int64_t place) const {
    const int64_t top = place + padding;  // tap t meets source (top - t) / stride
    const int64_t skipped = std::max<int64_t>(0, top / stride - (source_extent - 1));
    const int64_t first = top % stride + skipped * stride;
    const int64_t count = std::min(top, kernel - 1) >= first ? (std::min(top, kernel - 1) - first) / stride + 1 : 0;
    return {first, count, (top - first) / stride};
  }
};

/// Calls fn(places) for each group of [begin, end).
template <class Axis, class F>
void for_groups(const Axis& axis, int64_t begin, int64_t end, const F& fn) {
  for (int64_t first = begin; first < std::min(end, begin + axis.place_step()); ++first) {
    for (int64_t place = first; place < end;) {
      Places group{place, axis.place_step(), 0, axis.taps(place)};
      while (place < end && alike(axis.taps(place), group.taps)) {
        ++group.count;
        place += group.step;
      }
      fn(group);
    }
  }
}

/// A product's rows and terms, kept by each thread from call to call.
template <class T>
class Product {
 public:
  static Product& of_thread() {
    thread_local Product product;
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
  /// In parts of like lengths, each so short that its part of the panel stays in the first-level cache over all rows.
  void run(const T* panel, int64_t width, int64_t columns) {
    const auto rows = static_cast<int64_t>(a_.size());
    a_.resize(a_.size() + tallest_tile, a_.back());
    c_.resize(c_.size() + tallest_tile, c_.back());
    const size_t parts = std::max<size_t>(1, (terms_.size() + cached_rows<T>(width) - 1) / cached_rows<T>(width));
    for (size_t part = 0; part < parts; ++part) {
      const size_t begin = part * terms_.size() / parts, end = (part + 1) * terms_.size() / parts;
      panel_product<T>(a_.data(), std::span(terms_).subspan(begin, end - begin), panel, width, c_.data(), rows, columns,
                       part > 0);
    }
  }

 private:
  std::vector<const T*> a_;
  std::vector<T*> c_;
  std::vector<Term> terms_;
};

/// Places of a product's target, cut into blocks of like sizes: whole images, or bands of rows of one.
struct Blocks {
  int64_t images, image_count, rows, row_count;

  Blocks(int64_t batch, int64_t height, int64_t width) {
    constexpr int64_t places = 512;  // enough rows to each panel, and with their windows little enough for the L2
    const auto cut = [](int64_t extent, int64_t part) {
      const int64_t count = std::max<int64_t>(1, (extent + part - 1) / part);
      return (extent + count - 1) / count;
    };
    rows = cut(height, std::max<int64_t>(1, places / width));
    images = rows < height ? 1 : cut(batch, std::max<int64_t>(1, places / (height * width)));
    row_count = (height + rows - 1) / rows;
    image_count = (batch + images - 1) / images;
  }
};

/// target = f(source by taps and panels + bias). `panels` has rows (tap, source channel), columns target channels.
template <class T, class Axis>
void direct_product(const ConvShape& c, const Axis& vertical, const Axis& horizontal, const Images<const T>& source,
                    const Panels<T>& panels, const T* packed, const Epilogue<T>& epilogue, const Images<T>& target) {
  if (c.batch * target.height * target.width == 0) return;
  const Blocks blocks(c.batch, target.height, target.width);
  for_pieces(blocks.image_count * blocks.row_count * panels.count, work_of(c), [&](int64_t piece) {
    const int64_t panel = piece % panels.count, block = piece / panels.count;
    const int64_t image = block / blocks.row_count * blocks.images, images = std::min(blocks.images, c.batch - image);
    const int64_t top = block % blocks.row_count * blocks.rows, bottom = std::min(top + blocks.rows, target.height);
    const int64_t column = panels.first(panel), columns = panels.used(panel), width = panels.width(panel);
    for_groups(vertical, top, bottom, [&](const Places& v) {
      for_groups(horizontal, 0, target.width, [&](const Places& h) {
        auto& product = Product<T>::of_thread();
        for (int64_t n = image; n < image + images; ++n) {
          for (int64_t i = 0; i < v.count; ++i) {
            for (int64_t j = 0; j < h.count; ++j) {
              product.add_row(source.at(n, v.taps.source + i * vertical.source_step(),
                                        h.taps.source + j * horizontal.source_step()),
                              target.at(n, v.begin + i * v.step, h.begin + j * h.step) + column);
            }
          }
        }
        for (int64_t i = 0; i < v.taps.count; ++i) {
          for (int64_t j = 0; j < h.taps.count; ++j) {
            const int64_t tap =
                (v.taps.first + vertical.tap_step() * i) * c.kernel_width + h.taps.first + horizontal.tap_step() * j;
            const int64_t offset = (i * source.width + j) * Axis::tap_direction * source.channels;
            for (int64_t k = 0; k < source.channels; ++k) {
              product.add_term({offset + k, (tap * source.channels + k) * width});
            }
          }
        }
        product.run(packed + panels.offset(panel), width, columns);
      });
    });
    apply_epilogue({epilogue.bias == nullptr ? nullptr : epilogue.bias + column, epilogue.activation},
                   images * (bottom - top) * target.width, columns, target.at(image, top, 0) + column, target.channels);
  });
}

/// Packs the matrix of elements source[row * row_step + column * column_step]: rows [0, rows) of it into rows from
/// `first_row` on of each panel.
template <class T>
void pack_rows(const Panels<T>& panels, int64_t panel, const T* source, int64_t row_step, int64_t column_step,
               int64_t first_row, int64_t rows, T* packed) {
  const int64_t width = panels.width(panel), used = panels.used(panel);
  const T* from = source + panels.first(panel) * column_step;
  T* to = packed + panels.offset(panel) + first_row * width;
  for (int64_t r = 0; r < rows; ++r, from += row_step, to += width) {
    for (int64_t column = 0; column < used; ++column) to[column] = from[column * column_step];
    std::fill(to + used, to + width, T(0));
  }
}

/// Output places along an axis that a tap finds inside the image.
struct Range {
  int64_t begin, end;
};
Range places_of_tap(int64_t tap, int64_t extent, int64_t out_extent, const ConvShape& c) {
  const int64_t before = c.padding - tap, last = extent - 1 + before;  // of place p the tap meets p stride - before
  const int64_t begin = before > 0 ? (before + c.stride - 1) / c.stride : 0;
  return {begin, std::max(begin, last < 0 ? 0 : std::min(out_extent, last / c.stride + 1))};
}

struct PackedFilter {};
struct PackedPixels {};
struct TapSums {};

}  // namespace

template <class T>
void direct_conv2d(const ConvShape& c, const T* x, const T* filter, Epilogue<T> epilogue, T* y) {
  const Panels<T> panels(c.window(), c.filters);
  T* packed = scratch<T, PackedFilter>(panels.size());
  const int64_t taps = c.kernel_height * c.kernel_width;
  for_pieces(taps * panels.count, static_cast<double>(panels.size()), [&](int64_t p) {
    const int64_t row = p / panels.count * c.channels;
    pack_rows(panels, p % panels.count, filter + row, 1, c.window(), row, c.channels, packed);
  });
  direct_product<T, ForwardAxis>(c, {c.height, c.kernel_height, c.stride, c.padding},
                                 {c.width, c.kernel_width, c.stride, c.padding}, {x, c.height, c.width, c.channels},
                                 panels, packed, epilogue, {y, c.out_height, c.out_width, c.filters});
}

template <class T>
void direct_conv2d_input_grad(const ConvShape& c, const T* g, const T* filter, Epilogue<T> epilogue, T* x) {
  const int64_t taps = c.kernel_height * c.kernel_width;
  const Panels<T> panels(taps * c.filters, c.channels);
  T* packed = scratch<T, PackedFilter>(panels.size());
  for_pieces(taps * panels.count, static_cast<double>(panels.size()), [&](int64_t p) {
    const int64_t tap = p / panels.count;
    pack_rows(panels, p % panels.count, filter + tap * c.channels, c.window(), 1, tap * c.filters, c.filters, packed);
  });
  direct_product<T, BackwardAxis>(
      c, {c.out_height, c.kernel_height, c.stride, c.padding}, {c.out_width, c.kernel_width, c.stride, c.padding},
      {g, c.out_height, c.out_width, c.filters}, panels, packed, epilogue, {x, c.height, c.width, c.channels});
}

/// One piece makes the sums of one tap and one panel of filters over all pixels, [channels, filters], and no two
/// pieces the same: nothing is left to add up. The panels are the gradient's pixels, a row each.
template <class T>
void direct_conv2d_weight_grad(const ConvShape& c, const T* x, const T* g, T* filter) {
  const int64_t taps = c.kernel_height * c.kernel_width;
  const Panels<T> panels(c.pixels(), c.filters);
  const Images<const T> source{x, c.height, c.width, c.channels};
  T* packed = scratch<T, PackedPixels>(panels.size());
  for_pieces(c.batch * panels.count, static_cast<double>(panels.size()), [&](int64_t p) {
    const int64_t places = c.out_height * c.out_width, first = p / panels.count * places;
    pack_rows(panels, p % panels.count, g + first * c.filters, c.filters, 1, first, places, packed);
  });
  for_pieces(taps * panels.count, work_of(c), [&](int64_t piece) {
    const int64_t panel = piece % panels.count, tap = piece / panels.count;
    const int64_t ky = tap / c.kernel_width, kx = tap % c.kernel_width, width = panels.width(panel);
    const Range ys = places_of_tap(ky, c.height, c.out_height, c), xs = places_of_tap(kx, c.width, c.out_width, c);
    T* sums = scratch<T, TapSums>(c.channels * width);
    auto& product = Product<T>::of_thread();
    for (int64_t channel = 0; channel < c.channels; ++channel) product.add_row(x + channel, sums + channel * width);
    for (int64_t image = 0; image < c.batch; ++image) {
      for (int64_t oy = ys.begin; oy < ys.end; ++oy) {
        const T* row = source.at(image, oy * c.stride - c.padding + ky, 0);
        for (int64_t ox = xs.begin; ox < xs.end; ++ox) {
          product.add_term({row - x + (ox * c.stride - c.padding + kx) * c.channels,
                            ((image * c.out_height + oy) * c.out_width + ox) * width});
        }
      }
    }
    product.run(packed + panels.offset(panel), width, width);
    for (int64_t o = 0; o < panels.used(panel); ++o) {
      T* to = filter + ((panels.first(panel) + o) * taps + tap) * c.channels;
      for (int64_t channel = 0; channel < c.channels; ++channel) to[channel] = sums[channel * width + o];
    }
  });
}

template void direct_conv2d<float>(const ConvShape&, const float*, const float*, Epilogue<float>, float*);
template void direct_conv2d<double>(const ConvShape&, const double*, const double*, Epilogue<double>, double*);
template void direct_conv2d_input_grad<float>(const ConvShape&, const float*, const float*, Epilogue<float>, float*);
template void direct_conv2d_input_grad<double>(const ConvShape&, const double*, const double*, Epilogue<double>,
                                               double*);
template void direct_conv2d_weight_grad<float>(const ConvShape&, const float*, const float*, float*);
template void direct_conv2d_weight_grad<double>(const ConvShape&, const double*, const double*, double*);

}  // namespace kantor::cpu
