// What the map is made of, bottom to top. Each layer draws once from the world it is
// given and keeps nothing.

import { label } from "./format.js";
import { palette } from "./palette.js";
import { PULSE_MS, TRACK_S } from "./world.js";

const TAU = 2 * Math.PI;
const TRACK_STEPS = 14;

function trace(ctx, viewport, points) {
  ctx.beginPath();
  for (const [x, y] of points) ctx.lineTo(...viewport.toScreen(x, y));
  ctx.closePath();
}

function disc(ctx, x, y, radius) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, TAU);
}

/** The step of the grid and of the scale bar: 1, 2 or 5 times a power of ten metres. */
export function niceStep(scale, wantedPx) {
  const rough = wantedPx / scale;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((n) => n * power >= rough) ?? 10);
}

export function drawGround(ctx, viewport) {
  ctx.fillStyle = palette.ground;
  ctx.fillRect(0, 0, viewport.width, viewport.height);
  const step = niceStep(viewport.scale, 70);
  const [west, north] = viewport.toWorld(0, 0);
  const [east, south] = viewport.toWorld(viewport.width, viewport.height);
  ctx.beginPath();
  for (let x = Math.ceil(west / step) * step; x < east; x += step) {
    const px = Math.round(viewport.toScreen(x, 0)[0]) + 0.5;
    ctx.moveTo(px, 0);
    ctx.lineTo(px, viewport.height);
  }
  for (let y = Math.ceil(south / step) * step; y < north; y += step) {
    const py = Math.round(viewport.toScreen(0, y)[1]) + 0.5;
    ctx.moveTo(0, py);
    ctx.lineTo(viewport.width, py);
  }
  ctx.strokeStyle = palette.grid;
  ctx.lineWidth = 1;
  ctx.stroke();
}

export function drawFarm(ctx, viewport, farm) {
  if (!farm) return;
  for (const row of farm.rows) {
    if (!visible(viewport, row)) continue;
    trace(ctx, viewport, row);
    ctx.fillStyle = palette.row;
    ctx.fill();
    drawModules(ctx, viewport, row, farm.modules_per_row);
    trace(ctx, viewport, row);
    ctx.strokeStyle = palette.rowEdge;
    ctx.lineWidth = 1;
    ctx.stroke();
  }
}

function visible(viewport, points) {
  const screen = points.map(([x, y]) => viewport.toScreen(x, y));
  const inside = (axis, size) => screen.some((p) => p[axis] > 0) && screen.some((p) => p[axis] < size);
  return inside(0, viewport.width) && inside(1, viewport.height);
}

function drawModules(ctx, viewport, [a, b, c, d], count) {
  const along = (Math.hypot(b[0] - a[0], b[1] - a[1]) * viewport.scale) / count;
  if (along < 4) return;
  const mix = (p, q, t) => [p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t];
  ctx.beginPath();
  for (let i = 1; i < count; i += 1) {
    ctx.moveTo(...viewport.toScreen(...mix(a, b, i / count)));
    ctx.lineTo(...viewport.toScreen(...mix(d, c, i / count)));
  }
  ctx.strokeStyle = palette.module;
  ctx.lineWidth = Math.min(2, along / 8);
  ctx.stroke();
}

export function drawFootprints(ctx, viewport, drones, focus) {
  for (const [name, { view, shown, index }] of drones) {
    if (!shown || shown.footprint.length < 3 || isGone(view)) continue;
    const strong = focus.is("drone", name);
    trace(ctx, viewport, shown.footprint);
    ctx.fillStyle = palette.drone(index, strong ? 0.2 : 0.1);
    ctx.fill();
    ctx.strokeStyle = palette.drone(index, strong ? 0.9 : 0.4);
    ctx.lineWidth = strong ? 1.5 : 1;
    ctx.stroke();
  }
}

const isGone = (view) => view.state === "dead" || view.state === "left";

export function drawTracks(ctx, viewport, drones, elapsed) {
  ctx.lineCap = "round";
  ctx.lineJoin = "round";
  for (const { track, shown, index } of drones.values()) {
    for (let step = 0; step < TRACK_STEPS; step += 1) {
      const oldest = TRACK_S * (1 - step / TRACK_STEPS);
      const newest = TRACK_S * (1 - (step + 1) / TRACK_STEPS);
      ctx.beginPath();
      trackPiece(ctx, viewport, track, elapsed - oldest, elapsed - newest);
      if (step === TRACK_STEPS - 1 && shown && track.length) ctx.lineTo(...viewport.toScreen(shown.x, shown.y));
      ctx.strokeStyle = palette.drone(index, 0.75 * ((step + 1) / TRACK_STEPS) ** 1.6);
      ctx.lineWidth = 1 + step / TRACK_STEPS;
      ctx.stroke();
    }
  }
}

function trackPiece(ctx, viewport, track, from, to) {
  let drawing = false;
  track.forEach((point, i) => {
    if (point.at < from || point.at > to) {
      drawing = false;
      return;
    }
    const before = track[i - 1];
    if (!drawing && before && !point.gap) ctx.moveTo(...viewport.toScreen(before.x, before.y));
    const screen = viewport.toScreen(point.x, point.y);
    if (point.gap || (!drawing && !before)) ctx.moveTo(...screen);
    else ctx.lineTo(...screen);
    drawing = true;
  });
}

/** How large a target's mark is at this zoom. */
export function targetRadius(viewport) {
  return Math.min(8, Math.max(4.5, viewport.scale * 0.55));
}

export function drawTargets(ctx, viewport, targets, focus, now) {
  const radius = targetRadius(viewport);
  const sorted = [...targets.values()].sort((a, b) => a.view.score - b.view.score);
  for (const target of sorted) {
    const [x, y] = viewport.toScreen(target.view.x, target.view.y);
    if (x < -40 || y < -40 || x > viewport.width + 40 || y > viewport.height + 40) continue;
    const faded = focus.className && focus.className !== target.view.class_name;
    ctx.globalAlpha = faded ? 0.18 : 1;
    drawTarget(ctx, x, y, radius, target, now);
    if (focus.is("target", target.view.id)) drawSelection(ctx, x, y, radius + 7);
    ctx.globalAlpha = 1;
  }
}

function drawTarget(ctx, x, y, radius, { view, born, pulse }, now) {
  const { score } = view;
  const glow = ctx.createRadialGradient(x, y, 0, x, y, radius * 3.2);
  glow.addColorStop(0, palette.heat(score, 0.55));
  glow.addColorStop(1, palette.heat(score, 0));
  ctx.fillStyle = glow;
  disc(ctx, x, y, radius * 3.2);
  ctx.fill();
  drawPulse(ctx, x, y, radius, score, (now - Math.max(born, pulse)) / PULSE_MS);
  disc(ctx, x, y, radius);
  ctx.fillStyle = palette.heat(score);
  ctx.fill();
  ctx.strokeStyle = palette.halo;
  ctx.lineWidth = 1.5;
  ctx.stroke();
  drawSources(ctx, x, y, radius + 3.5, view);
}

function drawPulse(ctx, x, y, radius, score, share) {
  if (!(share >= 0 && share < 1)) return;
  disc(ctx, x, y, radius + share * 26);
  ctx.strokeStyle = palette.heat(score, (1 - share) ** 1.5);
  ctx.lineWidth = 2.5 * (1 - share) + 0.5;
  ctx.stroke();
}

/** One arc of a ring for every drone that saw it. */
function drawSources(ctx, x, y, radius, { sources, score }) {
  const count = Math.min(sources.length, 8);
  if (count < 2) return;
  const gap = 0.3;
  ctx.strokeStyle = palette.heat(score, 0.95);
  ctx.lineWidth = 1.5;
  for (let i = 0; i < count; i += 1) {
    const start = -TAU / 4 + (i * TAU) / count + gap / 2;
    ctx.beginPath();
    ctx.arc(x, y, radius, start, start + TAU / count - gap);
    ctx.stroke();
  }
}

function drawSelection(ctx, x, y, radius) {
  disc(ctx, x, y, radius);
  ctx.strokeStyle = palette.text;
  ctx.lineWidth = 1.5;
  ctx.stroke();
  ctx.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    ctx.moveTo(x + dx * radius, y + dy * radius);
    ctx.lineTo(x + dx * (radius + 5), y + dy * (radius + 5));
  }
  ctx.stroke();
}

/** Sightings that were dropped, on their way into the targets that cover them. */
export function drawFlights(ctx, viewport, world, now, still) {
  for (const { removal, start, end } of world.flights) {
    const target = world.targets.get(removal.into);
    const share = (now - start) / (end - start);
    if (!target || share < 0 || share >= 1) continue;
    const index = world.drones.get(removal.source)?.index ?? 0;
    const from = viewport.toScreen(removal.x, removal.y);
    const to = viewport.toScreen(target.view.x, target.view.y);
    const travel = still ? 0 : Math.max(0, (share - 0.35) / 0.65);
    const eased = travel * travel * (3 - 2 * travel);
    const x = from[0] + (to[0] - from[0]) * eased;
    const y = from[1] + (to[1] - from[1]) * eased;
    const open = Math.min(1, share / 0.25);
    const size = (4 + 12 * open) * (1 - 0.75 * eased);
    ctx.setLineDash([3, 3]);
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(...to);
    ctx.strokeStyle = palette.drone(index, 0.8 * open);
    ctx.lineWidth = 1.25;
    ctx.stroke();
    disc(ctx, x, y, size);
    ctx.lineWidth = 2;
    ctx.strokeStyle = palette.drone(index, open * (still ? 1 - share : 1));
    ctx.stroke();
    ctx.setLineDash([]);
    disc(ctx, x, y, 3);
    ctx.fillStyle = palette.drone(index, open);
    ctx.fill();
  }
}

export function drawDrones(ctx, viewport, drones, focus, now) {
  for (const [name, drone] of drones) {
    if (!drone.shown) continue;
    const [x, y] = viewport.toScreen(drone.shown.x, drone.shown.y);
    if (isGone(drone.view)) drawCross(ctx, x, y);
    else drawArrow(ctx, x, y, drone.shown.yaw_rad, palette.drone(drone.index));
    if (drone.view.state === "suspect" || drone.view.state === "restarted") drawDoubt(ctx, x, y, now);
    if (focus.is("drone", name)) drawSelection(ctx, x, y, 18);
  }
}

function drawArrow(ctx, x, y, yaw, colour) {
  ctx.save();
  ctx.translate(x, y);
  ctx.rotate(-yaw);
  ctx.beginPath();
  for (const [px, py] of [[13, 0], [-9, 8.5], [-4.5, 0], [-9, -8.5]]) ctx.lineTo(px, py);
  ctx.closePath();
  ctx.lineJoin = "round";
  ctx.strokeStyle = palette.halo;
  ctx.lineWidth = 4;
  ctx.stroke();
  ctx.fillStyle = colour;
  ctx.fill();
  ctx.restore();
}

function drawCross(ctx, x, y) {
  for (const [colour, width] of [[palette.halo, 6], [palette.bad, 2.5]]) {
    ctx.beginPath();
    ctx.moveTo(x - 7, y - 7);
    ctx.lineTo(x + 7, y + 7);
    ctx.moveTo(x + 7, y - 7);
    ctx.lineTo(x - 7, y + 7);
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.lineCap = "round";
    ctx.stroke();
  }
}

function drawDoubt(ctx, x, y, now) {
  ctx.setLineDash([4, 4]);
  ctx.lineDashOffset = -now / 80;
  disc(ctx, x, y, 17);
  ctx.strokeStyle = palette.warn;
  ctx.lineWidth = 2;
  ctx.stroke();
  ctx.setLineDash([]);
}

/** Names, best first, none over another. */
export function drawLabels(ctx, viewport, world, focus) {
  const taken = [];
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  const selected = [...world.targets.values()].filter(({ view }) => focus.is("target", view.id));
  for (const { view } of selected) placeTargetLabel(ctx, viewport, taken, view, true);
  for (const [name, { view, shown, index }] of world.drones) {
    if (!shown) continue;
    const colour = isGone(view) ? palette.muted : palette.drone(index);
    placeLabel(ctx, viewport, taken, shown, 17, `600 11px ${FONT}`, name, colour);
  }
  const rest = [...world.targets.values()].sort((a, b) => b.view.score - a.view.score);
  for (const { view } of rest) {
    if (!focus.className || focus.className === view.class_name) placeTargetLabel(ctx, viewport, taken, view, false);
  }
}

const FONT = 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

function placeTargetLabel(ctx, viewport, taken, view, strong) {
  const text = `${label(view.class_name)} ${view.score.toFixed(2)}`;
  placeLabel(ctx, viewport, taken, view, targetRadius(viewport) + 8, `${strong ? 600 : 500} 11px ${FONT}`, text, palette.text);
}

function placeLabel(ctx, viewport, taken, place, offset, font, text, colour) {
  const [px, py] = viewport.toScreen(place.x, place.y);
  if (px < 0 || py < 0 || px > viewport.width || py > viewport.height) return;
  ctx.font = font;
  const width = ctx.measureText(text).width;
  const box = [px + offset, px - offset - width]
    .map((x) => [x, py - 7, x + width, py + 7])
    .find((candidate) => candidate[0] > 2 && candidate[2] < viewport.width - 2 && !taken.some((other) => overlap(candidate, other)));
  if (!box) return;
  taken.push(box);
  ctx.lineWidth = 3.5;
  ctx.strokeStyle = palette.halo;
  ctx.strokeText(text, box[0], py);
  ctx.fillStyle = colour;
  ctx.fillText(text, box[0], py);
}

const overlap = (a, b) => a[0] < b[2] + 4 && b[0] < a[2] + 4 && a[1] < b[3] && b[1] < a[3];

export function drawScaleBar(ctx, viewport) {
  const step = niceStep(viewport.scale, 60);
  const width = step * viewport.scale;
  const right = viewport.width - 60;
  const y = viewport.height - 18;
  const text = step >= 1000 ? `${step / 1000} km` : `${step} m`;
  ctx.font = `500 11px ${FONT}`;
  ctx.textBaseline = "alphabetic";
  for (const [colour, line] of [[palette.halo, 4], [palette.muted, 1.5]]) {
    ctx.beginPath();
    ctx.moveTo(right - width, y - 5);
    ctx.lineTo(right - width, y);
    ctx.lineTo(right, y);
    ctx.lineTo(right, y - 5);
    ctx.strokeStyle = colour;
    ctx.lineWidth = line;
    ctx.stroke();
  }
  ctx.textAlign = "right";
  ctx.lineWidth = 3;
  ctx.strokeStyle = palette.halo;
  ctx.strokeText(text, right - 4, y - 5);
  ctx.fillStyle = palette.muted;
  ctx.fillText(text, right - 4, y - 5);
  ctx.textAlign = "left";
}
