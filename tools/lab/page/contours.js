// Level sets of a field on a grid, by marching squares.

/// For each of the 16 ways in which a square's corners lie above the level: pairs of sides that a line joins. Corners count
/// 1 (left bottom), 2 (right bottom), 4 (right top), 8 (left top); sides are 0 bottom, 1 right, 2 top, 3 left.
const lines = [[], [3, 0], [0, 1], [3, 1], [1, 2], [3, 0, 1, 2], [0, 2], [3, 2], [2, 3], [2, 0], [0, 1, 2, 3], [2, 1], [1, 3], [1, 0], [0, 3], []];

/// Segments of one level as x0, y0, x1, y1 in grid units. `field` has `grid` values a row, the lowest row first.
export function contour(field, grid, level) {
  const found = [];
  for (let j = 0; j + 1 < grid; ++j) {
    for (let i = 0; i + 1 < grid; ++i) {
      const at = j * grid + i;
      const a = field[at], b = field[at + 1], c = field[at + grid + 1], d = field[at + grid];
      const sides = lines[(a > level) | ((b > level) << 1) | ((c > level) << 2) | ((d > level) << 3)];
      for (const side of sides) {
        if (side === 0) found.push(i + (level - a) / (b - a), j);
        else if (side === 1) found.push(i + 1, j + (level - b) / (c - b));
        else if (side === 2) found.push(i + (level - d) / (c - d), j + 1);
        else found.push(i, j + (level - a) / (d - a));
      }
    }
  }
  return found;
}

export function range(field) {
  let low = Infinity, high = -Infinity;
  for (const v of field) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return { low, high };
}

/// Levels at even distances, so that where lines are close the gradient norm is large.
export function levels({ low, high }, count = 11) {
  return Number.isFinite(high - low) && high > low ? Array.from({ length: count }, (_, i) => low + ((i + 0.5) / count) * (high - low)) : [];
}
