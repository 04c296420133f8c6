// What each stage of a critic update does on the plane.
import { palette, changeColour, normColour } from "lab/colours";
import { range, levels } from "lab/contours";
import { placing, paint, drawField, drawLevels, drawReal, drawFake, drawInterpolates, drawArrow } from "lab/plane";

const side = (field) => Math.round(Math.sqrt(field.length));

function ring(context, [x, y], place, radius = 8) {
  const { chosen, paper } = palette();
  for (const [colour, width] of [[paper, 5], [chosen, 2.4]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.arc(place.x(x), place.y(y), radius, 0, 6.2832);
    context.stroke();
  }
}

function note(context, text, [x, y], place, width) {
  const { ink, paper } = palette();
  context.font = "600 12px system-ui, 'DejaVu Sans', sans-serif";
  const [px, py] = [place.x(x), place.y(y)];
  const end = px > width * 0.6;
  context.textAlign = end ? "right" : "left";
  context.lineWidth = 4;
  context.strokeStyle = paper;
  context.strokeText(text, px + (end ? -13 : 13), py - 8);
  context.fillStyle = ink;
  context.fillText(text, px + (end ? -13 : 13), py - 8);
}

function join(context, from, to, place) {
  context.strokeStyle = palette().ink;
  context.lineWidth = 1.3;
  context.setLineDash([5, 4]);
  context.beginPath();
  context.moveTo(place.x(from[0]), place.y(from[1]));
  context.lineTo(place.x(to[0]), place.y(to[1]));
  context.stroke();
  context.setLineDash([]);
}

/// How the critic's values change, with the level sets of the changed critic. The critic's offset means nothing, so the
/// mean change is left out.
function drawChange(context, before, after, place) {
  const grid = side(after);
  const change = after.map((v, i) => v - before[i]);
  const mean = change.reduce((a, b) => a + b, 0) / change.length;
  const reach = change.reduce((most, v) => Math.max(most, Math.abs(v - mean)), 0) || 1;
  paint(context, change, grid, place.area, (v) => changeColour((v - mean) / reach));
  drawLevels(context, after, grid, place.area, levels(range(after)), palette().level, 1);
}

export function drawStage(surface, id, update, box) {
  if (!surface) return;
  const { context, width, height } = surface;
  const { arrays: a, points } = update;
  const place = placing(box, width, height);
  if (id === "update" || id === "clip") {
    drawChange(context, a.field_before, a.field_after, place);
    return;
  }
  drawField(context, a.field_before, side(a.field_before), place);
  const batch = ["input_gradient", "penalty", "second_backward"].includes(id);
  if (batch && a.batch_at) drawInterpolates(context, a.batch_at, a.batch_norms, place);
  else {
    drawReal(context, a.batch_real, place);
    drawFake(context, a.batch_fake, place, 2.4);
  }
  if (points.real && points.fake && (id === "sample" || id === "forward" || id === "interpolate")) {
    if (id === "interpolate") join(context, points.fake, points.real, place);
    ring(context, points.real, place);
    ring(context, points.fake, place);
    if (id !== "interpolate") {
      const forward = id === "forward";
      note(context, forward ? "D(x)" : "x", points.real, place, width);
      note(context, forward ? "D(x̃)" : "x̃", points.fake, place, width);
    }
  }
  if (points.at && id !== "sample" && id !== "forward") {
    if (id === "interpolate") drawInterpolates(context, points.at, [a.batch_norms?.[update.sample] ?? 1], place);
    ring(context, points.at, place, 9);
    note(context, "x̂", points.at, place, width);
  }
  if (id === "input_gradient" && points.gradient) drawGradient(context, points, place);
}

/// The gradient where it is measured, beside a circle whose radius is the length that a gradient of norm 1 would have.
function drawGradient(context, { at, gradient }, place) {
  const unit = 46;
  const { ink, paper } = palette();
  const n = Math.hypot(...gradient);
  const length = Math.min(n, 3) / (n || 1);
  const [x, y] = [place.x(at[0]), place.y(at[1])];
  context.strokeStyle = ink;
  context.lineWidth = 1;
  context.setLineDash([3, 3]);
  context.beginPath();
  context.arc(x, y, unit, 0, 6.2832);
  context.stroke();
  context.setLineDash([]);
  for (const [colour, width] of [[paper, 5], [normColour(n), 3], [ink, 1]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    drawArrow(context, x, y, gradient[0] * length * unit, -gradient[1] * length * unit);
    context.stroke();
  }
}

/// The index of the batch's sample that was clicked on, or null.
export function nearest(event, canvas, update, box) {
  const place = placing(box, canvas.clientWidth, canvas.clientHeight);
  const frame = canvas.getBoundingClientRect();
  const [px, py] = [event.clientX - frame.left, event.clientY - frame.top];
  let best = null, least = 20;
  for (const points of [update.arrays.batch_real, update.arrays.batch_fake]) {
    for (let i = 0; i < points.length / 2; ++i) {
      const distance = Math.hypot(place.x(points[2 * i]) - px, place.y(points[2 * i + 1]) - py);
      if (distance < least) [best, least] = [i, distance];
    }
  }
  return best;
}
