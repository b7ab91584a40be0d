// The ground: a grid in metres, the rows of modules, a scale bar.

import { FONT, trace } from "./draw.js";
import { palette } from "./palette.js";

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

export function drawScaleBar(ctx, viewport, right, y) {
  const step = niceStep(viewport.scale, 60);
  const width = step * viewport.scale;
  const text = step >= 1000 ? `${step / 1000} km` : `${step} m`;
  ctx.font = `500 11px ${FONT}`;
  ctx.textBaseline = "alphabetic";
  for (const [colour, line] of [
    [palette.halo, 4],
    [palette.muted, 1.5],
  ]) {
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
