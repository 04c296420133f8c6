// Output pixels whose windows overlap the image in the same way form a group. All use the same taps. So no tap that
// meets padding is multiplied, and a tap's channels are part of a matrix product (engine/cpu/panel.h) whose rows are
// the group's pixels. Each corner, edge and middle of an image is a group. With a stride the input gradient has such
// groups for every parity of position, because only taps ky = (y + padding) mod stride, + stride, ... meet row y.
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

/// Images that a product reads or writes.
template <class T>
struct Images {
  T* data;
  int64_t height, width, channels;

  [[nodiscard]] T* at(int64_t image, int64_t y, int64_t x) const {
    return data + ((image * height + y) * width + x) * channels;
  }
};

/// Along one axis: the taps of a position that meet the source, and where the first of them does; 0 if there is none.
struct Taps {
  int64_t first, count, source;
  friend bool alike(const Taps& a, const Taps& b) { return a.first == b.first && a.count == b.count; }
};

/// Along one axis: positions begin + step i that have the same taps, i in [0, count).
struct Positions {
  int64_t begin, step, count;
  Taps taps;
};

/// A position of the forward product's output uses every tap. The next tap's source is the next one; the next
/// position's is `stride` further.
struct ForwardAxis {
  int64_t source_extent, kernel, stride, padding;

  static constexpr int64_t tap_source = 1;
  [[nodiscard]] int64_t tap_step() const { return 1; }
  [[nodiscard]] int64_t position_step() const { return 1; }
  [[nodiscard]] int64_t position_source() const { return stride; }
  [[nodiscard]] Taps taps(int64_t position) const {
    const int64_t start = position * stride - padding;
    const int64_t first = std::clamp<int64_t>(-start, 0, kernel);
    const int64_t last = std::clamp<int64_t>(source_extent - start, first, kernel);
    return {first, last - first, first < last ? start + first : 0};
  }
};

/// A position of the input gradient uses every stride-th tap. The next tap's source is the one before, and every
/// stride-th position has the same taps, one source further.
struct BackwardAxis {
  int64_t source_extent, kernel, stride, padding;

  static constexpr int64_t tap_source = -1;
  [[nodiscard]] int64_t tap_step() const { return stride; }
  [[nodiscard]] int64_t position_step() const { return stride; }
  [[nodiscard]] int64_t position_source() const { return 1; }
  [[nodiscard]] Taps taps(int64_t position) const {
    const int64_t top = position + padding;  // tap t meets source (top - t) / stride
    const int64_t beyond = std::max<int64_t>(0, top / stride - (source_extent - 1));
    const int64_t first = top % stride + beyond * stride, last = std::min(top, kernel - 1);
    if (first > last) return {first, 0, 0};
    return {first, (last - first) / stride + 1, (top - first) / stride};
  }
};

/// Calls fn(positions) for each group of [begin, end).
template <class Axis, class F>
void for_groups(const Axis& axis, int64_t begin, int64_t end, const F& fn) {
  for (int64_t first = begin; first < std::min(end, begin + axis.position_step()); ++first) {
    for (int64_t position = first; position < end;) {
      Positions group{position, axis.position_step(), 0, axis.taps(position)};
      while (position < end && alike(axis.taps(position), group.taps)) {
        ++group.count;
        position += group.step;
      }
      fn(group);
    }
  }
}

/// Positions of a product's target, cut into blocks of similar sizes: whole images, or bands of rows of one image.
struct Blocks {
  int64_t images, image_count, rows, row_count;

  Blocks(int64_t batch, int64_t height, int64_t width) {
    // Enough rows for each part of a panel, even if a group is a corner of the image, but few enough that they and the
    // windows fit into the second-level cache.
    constexpr int64_t positions = 512, least_images = 8;
    const auto cut = [](int64_t extent, int64_t part) {
      const int64_t needed = std::max<int64_t>(1, (extent + part - 1) / part);
      const int64_t count = needed < 3 ? needed : (needed + 3) / 4 * 4;  // so that 2 or 4 threads get equal parts
      return (extent + count - 1) / count;
    };
    rows = cut(height, std::max<int64_t>(1, positions / width));
    images = rows < height ? 1 : cut(batch, std::max<int64_t>(least_images, positions / (height * width)));
    row_count = (height + rows - 1) / rows;
    image_count = (batch + images - 1) / images;
  }
};

/// target = f(source by taps and panels + bias). `panels` has rows (tap, source channel), columns target channels.
template <class T, class Axis>
struct DirectProduct {
  const ConvShape& c;
  Axis vertical, horizontal;
  Images<const T> source;
  Panels<T> panels;
  const T* packed;
  const Epilogue<T>& epilogue;
  Images<T> target;

  void run() const {
    if (c.batch * target.height * target.width == 0) return;
    const Blocks blocks(c.batch, target.height, target.width);
    for_pieces(blocks.image_count * blocks.row_count * panels.count, work_of(c), [&](int64_t piece) {
      const int64_t panel = piece % panels.count, block = piece / panels.count;
      const int64_t image = block / blocks.row_count * blocks.images, images = std::min(blocks.images, c.batch - image);
      const int64_t top = block % blocks.row_count * blocks.rows, bottom = std::min(top + blocks.rows, target.height);
      const TileEpilogue<T> finish(
          epilogue, target.data,
          {target.at(image, top, 0) + panels.first(panel), images * (bottom - top) * target.width, panels.used(panel),
           target.channels, panels.first(panel)});
      for_groups(vertical, top, bottom, [&](const Positions& v) {
        for_groups(horizontal, 0, target.width,
                   [&](const Positions& h) { multiply(panel, image, image + images, v, h); });
      });
      finish.apply();
    });
  }

 private:
  /// The product of one group of positions of images [begin, end).
  void multiply(int64_t panel, int64_t begin, int64_t end, const Positions& v, const Positions& h) const {
    auto& product = PanelProduct<T>::of_thread();
    for (int64_t image = begin; image < end; ++image) {
      for (int64_t i = 0; i < v.count; ++i) {
        for (int64_t j = 0; j < h.count; ++j) {
          product.add_row(source.at(image, v.taps.source + i * vertical.position_source(),
                                    h.taps.source + j * horizontal.position_source()),
                          target.at(image, v.begin + i * v.step, h.begin + j * h.step) + panels.first(panel));
        }
      }
    }
    for (int64_t i = 0; i < v.taps.count; ++i) {
      for (int64_t j = 0; j < h.taps.count; ++j) {
        const int64_t ky = v.taps.first + i * vertical.tap_step(), kx = h.taps.first + j * horizontal.tap_step();
        const int64_t offset = (i * source.width + j) * Axis::tap_source * source.channels;
        const int64_t row = (ky * c.kernel_width + kx) * source.channels;
        for (int64_t k = 0; k < source.channels; ++k) {
          product.add_term({offset + k, (row + k) * panels.width(panel)});
        }
      }
    }
    product.run(packed + panels.offset(panel), panels.width(panel), panels.used(panel), false);
  }
};

/// Packs the matrix of elements source[row * row_step + column * column_step]: rows [0, rows) of it into rows from
/// `first_row` on of each panel.
template <class T>
void pack_rows(const Panels<T>& panels, int64_t panel, const T* source, int64_t row_step, int64_t column_step,
               int64_t first_row, int64_t rows, T* packed) {
  const int64_t width = panels.width(panel), used = panels.used(panel);
  const T* from = source + panels.first(panel) * column_step;
  T* to = packed + panels.offset(panel) + first_row * width;
  for (int64_t r = 0; r < rows; ++r, from += row_step, to += width) {
    if (column_step == 1) {
      std::copy_n(from, used, to);
    } else {
      for (int64_t column = 0; column < used; ++column) to[column] = from[column * column_step];
    }
    std::fill(to + used, to + width, T(0));
  }
}

/// Output positions along an axis for which a tap lies inside the image.
struct Range {
  int64_t begin, end;
};
Range positions_of_tap(int64_t tap, int64_t extent, int64_t out_extent, const ConvShape& c) {
  const int64_t before = c.padding - tap, last = extent - 1 + before;  // at position p the tap meets p stride - before
  const int64_t begin = before > 0 ? (before + c.stride - 1) / c.stride : 0;
  return {begin, std::max(begin, last < 0 ? 0 : std::min(out_extent, last / c.stride + 1))};
}

struct PackedFilter {};
struct PackedPixels {};
struct TapSums {};

/// A piece computes the sums of a few taps and one panel of filters over all pixels, [taps, channels, filters]; no two
/// pieces compute the same sums, so nothing is left to add up. A panel has one row for each pixel of the gradient.
template <class T>
class WeightGrad {
 public:
  WeightGrad(const ConvShape& c, const T* x, const T* g, T* filter)
      : c_(c), source_{x, c.height, c.width, c.channels}, panels_(c.pixels(), c.filters), filter_(filter) {
    // Images that do not fit into the second-level cache are taken in chunks that do, for the taps of one kernel row.
    const int64_t image = (source_.height * source_.width * source_.channels + positions() * c.filters) * sizeof(T);
    if (c.batch * image > cache_bytes && c.kernel_height * panels_.count >= enough_pieces) {
      tile_ = std::max<int64_t>(1, cache_bytes / image);
      taps_ = c.kernel_width;
    } else {
      tile_ = std::max<int64_t>(1, c.batch);
    }
    pack(g);
  }
  void run() const {
    for_pieces(c_.kernel_height * c_.kernel_width / taps_ * panels_.count, work_of(c_), [&](int64_t piece) {
      const int64_t panel = piece % panels_.count, tap = piece / panels_.count * taps_;
      T* sums = scratch<T, TapSums>(taps_ * tap_size(panel));
      std::fill_n(sums, taps_ * tap_size(panel), T(0));
      for (int64_t image = 0; image < c_.batch; image += tile_) {
        for (int64_t i = 0; i < taps_; ++i) add(panel, tap + i, image, sums + i * tap_size(panel));
      }
      store(panel, tap, sums);
    });
  }

 private:
  [[nodiscard]] int64_t positions() const { return c_.out_height * c_.out_width; }
  [[nodiscard]] int64_t tap_size(int64_t panel) const { return c_.channels * panels_.width(panel); }

  void pack(const T* g) {
    if (panels_.width(0) == c_.filters) {  // the layout is already right
      packed_ = g;
      return;
    }
    T* packed = scratch<T, PackedPixels>(panels_.size());
    for_pieces(c_.batch * panels_.count, static_cast<double>(panels_.size()), [&](int64_t p) {
      const int64_t first = p / panels_.count * positions();
      pack_rows(panels_, p % panels_.count, g + first * c_.filters, c_.filters, 1, first, positions(), packed);
    });
    packed_ = packed;
  }

  /// Adds the contribution of one chunk of images, from `first` on, to one tap.
  void add(int64_t panel, int64_t tap, int64_t first, T* sums) const {
    const int64_t ky = tap / c_.kernel_width, kx = tap % c_.kernel_width, width = panels_.width(panel);
    const Range ys = positions_of_tap(ky, c_.height, c_.out_height, c_);
    const Range xs = positions_of_tap(kx, c_.width, c_.out_width, c_);
    auto& product = PanelProduct<T>::of_thread();
    for (int64_t k = 0; k < c_.channels; ++k) product.add_row(source_.data + k, sums + k * width);
    for (int64_t image = first; image < std::min(c_.batch, first + tile_); ++image) {
      for (int64_t oy = ys.begin; oy < ys.end; ++oy) {
        for (int64_t ox = xs.begin; ox < xs.end; ++ox) {
          const T* pixel = source_.at(image, oy * c_.stride - c_.padding + ky, ox * c_.stride - c_.padding + kx);
          product.add_term({pixel - source_.data, (image * positions() + oy * c_.out_width + ox) * width});
        }
      }
    }
    product.run(packed_ + panels_.offset(panel), width, width, true);
  }

  void store(int64_t panel, int64_t first_tap, const T* sums) const {
    const int64_t taps = c_.kernel_height * c_.kernel_width, width = panels_.width(panel);
    for (int64_t o = 0; o < panels_.used(panel); ++o) {
      T* to = filter_ + ((panels_.first(panel) + o) * taps + first_tap) * c_.channels;
      for (int64_t k = 0; k < taps_ * c_.channels; ++k) to[k] = sums[k * width + o];
    }
  }

  // The part of a second-level cache for data that is read repeatedly; the pieces that are enough for several threads.
  static constexpr int64_t cache_bytes = 512 * 1024, enough_pieces = 8;
  const ConvShape& c_;
  Images<const T> source_;
  Panels<T> panels_;
  T* filter_;
  const T* packed_ = nullptr;
  int64_t tile_ = 1, taps_ = 1;  // images and taps at a time
};

}  // namespace

template <class T>
void direct_conv2d(const ConvShape& c, const T* x, const T* filter, const Epilogue<T>& epilogue, T* y) {
  const Panels<T> panels(c.window(), c.filters);
  T* packed = scratch<T, PackedFilter>(panels.size());
  const int64_t taps = c.kernel_height * c.kernel_width;
  for_pieces(taps * panels.count, static_cast<double>(panels.size()), [&](int64_t p) {
    const int64_t row = p / panels.count * c.channels;
    pack_rows(panels, p % panels.count, filter + row, 1, c.window(), row, c.channels, packed);
  });
  const ForwardAxis vertical{c.height, c.kernel_height, c.stride, c.padding};
  const ForwardAxis horizontal{c.width, c.kernel_width, c.stride, c.padding};
  const Images<const T> source{x, c.height, c.width, c.channels};
  const Images<T> target{y, c.out_height, c.out_width, c.filters};
  DirectProduct<T, ForwardAxis>{c, vertical, horizontal, source, panels, packed, epilogue, target}.run();
}

template <class T>
void direct_conv2d_input_grad(const ConvShape& c, const T* g, const T* filter, const Epilogue<T>& epilogue, T* x) {
  const int64_t taps = c.kernel_height * c.kernel_width;
  const Panels<T> panels(taps * c.filters, c.channels);
  T* packed = scratch<T, PackedFilter>(panels.size());
  for_pieces(taps * panels.count, static_cast<double>(panels.size()), [&](int64_t p) {
    const int64_t tap = p / panels.count;
    pack_rows(panels, p % panels.count, filter + tap * c.channels, c.window(), 1, tap * c.filters, c.filters, packed);
  });
  const BackwardAxis vertical{c.out_height, c.kernel_height, c.stride, c.padding};
  const BackwardAxis horizontal{c.out_width, c.kernel_width, c.stride, c.padding};
  const Images<const T> source{g, c.out_height, c.out_width, c.filters};
  const Images<T> target{x, c.height, c.width, c.channels};
  DirectProduct<T, BackwardAxis>{c, vertical, horizontal, source, panels, packed, epilogue, target}.run();
}

template <class T>
void direct_conv2d_weight_grad(const ConvShape& c, const T* x, const T* g, T* filter) {
  WeightGrad<T>(c, x, g, filter).run();
}

template void direct_conv2d<float>(const ConvShape&, const float*, const float*, const Epilogue<float>&, float*);
template void direct_conv2d<double>(const ConvShape&, const double*, const double*, const Epilogue<double>&, double*);
template void direct_conv2d_input_grad<float>(const ConvShape&, const float*, const float*, const Epilogue<float>&,
                                              float*);
template void direct_conv2d_input_grad<double>(const ConvShape&, const double*, const double*, const Epilogue<double>&,
                                               double*);
template void direct_conv2d_weight_grad<float>(const ConvShape&, const float*, const float*, float*);
template void direct_conv2d_weight_grad<double>(const ConvShape&, const double*, const double*, double*);

}  // namespace kantor::cpu
