// Draws a plane: a field with its level sets, points, arrows, lines.
import { contour, levels, range } from "lab/contours";
import { palette, rampTable, normColour } from "lab/colours";

/// From the data's scale to the canvas: the box as large as it fits, with equal scales of both axes.
export function placing(box, width, height) {
  const [left, right, bottom, top] = box;
  const scale = Math.min(width / (right - left), height / (top - bottom));
  const x0 = (width - scale * (right - left)) / 2, y0 = (height - scale * (top - bottom)) / 2;
  return { scale, x: (x) => x0 + (x - left) * scale, y: (y) => y0 + (top - y) * scale,
    inverse: (px, py) => [left + (px - x0) / scale, top - (py - y0) / scale],
    area: [x0, y0, scale * (right - left), scale * (top - bottom)] };
}

const scratch = document.createElement("canvas");

/// Colours a field into an area of the canvas. `colour` gives [red, green, blue] of a value.
export function paint(context, field, grid, [x, y, width, height], colour) {
  [scratch.width, scratch.height] = [grid, grid];
  const inner = scratch.getContext("2d");
  const image = inner.createImageData(grid, grid);
  const { data } = image;
  for (let j = 0, k = 0; j < grid; ++j) {
    for (let i = 0; i < grid; ++i) {
      const found = colour(field[(grid - 1 - j) * grid + i]);
      data[k++] = found[0];
      data[k++] = found[1];
      data[k++] = found[2];
      data[k++] = 255;
    }
  }
  inner.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  // Values stand at the grid's points, the first and the last on the border: half a pixel of the small picture is outside.
  const margin = 0.5;
  context.drawImage(scratch, margin, margin, grid - 2 * margin, grid - 2 * margin, x, y, width, height);
}

export function drawField(context, field, grid, place, { lines = true } = {}) {
  const table = rampTable();
  const { low, high } = range(field);
  const flat = !(high > low) || !Number.isFinite(high - low);
  paint(context, field, grid, place.area, (v) => table[flat || Number.isNaN(v) ? 128 : Math.max(0, Math.min(255, Math.round(((v - low) / (high - low)) * 255)))]);
  if (lines) drawLevels(context, field, grid, place.area, levels({ low, high }), palette().level, 1);
  return { low, high };
}

export function drawLevels(context, field, grid, [x, y, width, height], values, colour, thickness) {
  const dx = width / (grid - 1), dy = height / (grid - 1);
  context.strokeStyle = colour;
  context.lineWidth = thickness;
  context.beginPath();
  for (const level of values) {
    const segments = contour(field, grid, level);
    for (let i = 0; i < segments.length; i += 4) {
      context.moveTo(x + segments[i] * dx, y + height - segments[i + 1] * dy);
      context.lineTo(x + segments[i + 2] * dx, y + height - segments[i + 3] * dy);
    }
  }
  context.stroke();
}

/// Real points are squares with an edge, so that they differ from generated ones without colour.
export function drawReal(context, points, place, size = 2.1) {
  const { real, realEdge } = palette();
  for (const [colour, half] of [[realEdge, size + 0.8], [real, size]]) {
    context.fillStyle = colour;
    for (let i = 0; i < points.length; i += 2) context.fillRect(place.x(points[i]) - half, place.y(points[i + 1]) - half, 2 * half, 2 * half);
  }
}

/// Each dot is a path of its own: browsers fill one circle faster than they find out what many of them cover together.
function dots(context, points, place, radius, colour) {
  context.fillStyle = colour;
  for (let i = 0; i < points.length; i += 2) {
    context.beginPath();
    context.arc(place.x(points[i]), place.y(points[i + 1]), radius, 0, 6.2832);
    context.fill();
  }
}

export function drawFake(context, points, place, radius = 2.9) {
  const { fake, fakeEdge } = palette();
  dots(context, points, place, radius + 0.9, fakeEdge);
  dots(context, points, place, radius, fake);
}

/// Points between real and generated ones, each in the colour of the gradient's norm there.
export function drawInterpolates(context, points, norms, place, limit = 256) {
  context.strokeStyle = palette().ink;
  context.lineWidth = 0.6;
  for (let i = 0; i < Math.min(limit, norms.length); ++i) {
    const x = place.x(points[2 * i]), y = place.y(points[2 * i + 1]);
    context.fillStyle = normColour(norms[i]);
    context.beginPath();
    context.moveTo(x, y - 4);
    context.lineTo(x + 4, y);
    context.lineTo(x, y + 4);
    context.lineTo(x - 4, y);
    context.closePath();
    context.fill();
    context.stroke();
  }
}

export function drawArrow(context, x, y, dx, dy) {
  const length = Math.hypot(dx, dy);
  if (!(length > 0.5)) return;
  const head = Math.min(5, 0.45 * length), ux = dx / length, uy = dy / length;
  context.moveTo(x, y);
  context.lineTo(x + dx, y + dy);
  context.moveTo(x + dx - head * (ux - 0.6 * uy), y + dy - head * (uy + 0.6 * ux));
  context.lineTo(x + dx, y + dy);
  context.lineTo(x + dx - head * (ux + 0.6 * uy), y + dy - head * (uy - 0.6 * ux));
}

/// Arrows at some of the points. The longest one is always as long on the screen; its norm is returned for the legend.
function drawArrows(context, points, gradients, place, limit = 110) {
  let longest = 0;
  for (let i = 0; i < gradients.length; i += 2) longest = Math.max(longest, Math.hypot(gradients[i], gradients[i + 1]));
  if (!(longest > 0) || !Number.isFinite(longest)) return longest;
  const { arrow, realEdge } = palette();
  const factor = 30 / longest;
  for (const [colour, width] of [[realEdge, 2.6], [arrow, 1.2]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    for (let i = 0; i < Math.min(points.length, 2 * limit); i += 2) drawArrow(context, place.x(points[i]), place.y(points[i + 1]), gradients[i] * factor, -gradients[i + 1] * factor);
    context.stroke();
  }
  return longest;
}

/// The exact transport plan: a line from each generated point to its real partner.
function drawPlan(context, fake, real, partners, place) {
  context.strokeStyle = palette().plan;
  context.lineWidth = 0.9;
  context.beginPath();
  for (let i = 0; i < partners.length; ++i) {
    context.moveTo(place.x(fake[2 * i]), place.y(fake[2 * i + 1]));
    context.lineTo(place.x(real[2 * partners[i]]), place.y(real[2 * partners[i] + 1]));
  }
  context.stroke();
}

/// Where the generator takes a regular grid of noise: the net is the plane of noise, bent by the generator.
function drawManifold(context, points, place) {
  const side = Math.round(Math.sqrt(points.length / 2));
  const { fake, paper } = palette();
  for (const [colour, width] of [[paper, 2.4], [fake, 1]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    for (let j = 0; j < side; ++j) {
      for (const index of [(i) => j * side + i, (i) => i * side + j]) {
        for (let i = 0; i < side; ++i) context[i === 0 ? "moveTo" : "lineTo"](place.x(points[2 * index(i)]), place.y(points[2 * index(i) + 1]));
      }
    }
    context.stroke();
  }
}

/// Draws all of one model that the frame has on a surface {context, width, height}, such as `sized` gives. Returns what the
/// legend tells: the field's range and the longest arrow.
export function drawPlane(surface, { box, frame, arm, real, show }) {
  if (!surface) return {};
  const { context, width, height } = surface;
  const p = placing(box, width, height);
  // On a phone's small plane the points are smaller, too.
  const size = Math.max(0.7, Math.min(1, width / 400));
  const found = {};
  if (frame) {
    const a = frame.arrays;
    const get = (name) => a[name + arm];
    if (show.has("field") && get("field")) found.range = drawField(context, get("field"), frame.grid, p);
    if (show.has("plan") && get("plan") && get("fake")) drawPlan(context, get("fake"), a.real ?? real, get("plan"), p);
    if (show.has("manifold") && get("manifold")) drawManifold(context, get("manifold"), p);
    if (show.has("samples")) drawReal(context, a.real ?? real, p, 2.1 * size);
    if (show.has("interpolates") && get("norms")) drawInterpolates(context, get("interpolates"), get("norms"), p);
    if (show.has("samples") && get("fake")) drawFake(context, get("fake"), p, 2.9 * size);
    if (show.has("arrows") && get("arrows")) found.longest = drawArrows(context, get("fake"), get("arrows"), p);
  } else if (show.has("samples")) drawReal(context, real, p, 2.1 * size);
  return found;
}
