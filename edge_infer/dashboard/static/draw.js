// Strokes and shapes that several layers of the map share.

import { palette } from "./palette.js";

export const TAU = 2 * Math.PI;

export const FONT = 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

export function trace(ctx, viewport, points) {
  ctx.beginPath();
  for (const [x, y] of points) ctx.lineTo(...viewport.toScreen(x, y));
  ctx.closePath();
}

export function disc(ctx, x, y, radius) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, TAU);
}

export function drawSelection(ctx, x, y, radius) {
  disc(ctx, x, y, radius);
  ctx.strokeStyle = palette.text;
  ctx.lineWidth = 1.5;
  ctx.stroke();
  ctx.beginPath();
  for (const [dx, dy] of [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ]) {
    ctx.moveTo(x + dx * radius, y + dy * radius);
    ctx.lineTo(x + dx * (radius + 5), y + dy * (radius + 5));
  }
  ctx.stroke();
}
