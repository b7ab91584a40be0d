// The drones on the map: what their cameras see, where they came from, where they are.

import { disc, drawSelection, trace } from "./draw.js";
import { palette } from "./palette.js";
import { TRACK_S } from "./world.js";

const TRACK_STEPS = 14;

export const isGone = (view) => view.state === "dead" || view.state === "left";

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

export function drawTracks(ctx, viewport, drones, elapsed) {
  ctx.lineCap = "butt";
  ctx.lineJoin = "round";
  for (const { track, shown, index } of drones.values()) {
    for (let step = 0; step < TRACK_STEPS; step += 1) {
      const oldest = TRACK_S * (1 - step / TRACK_STEPS);
      const newest = TRACK_S * (1 - (step + 1) / TRACK_STEPS);
      ctx.beginPath();
      trackPiece(ctx, viewport, track, elapsed - oldest, elapsed - newest);
      if (step === TRACK_STEPS - 1 && shown && track.length)
        ctx.lineTo(...viewport.toScreen(shown.x, shown.y));
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
  for (const [px, py] of [
    [13, 0],
    [-9, 8.5],
    [-4.5, 0],
    [-9, -8.5],
  ])
    ctx.lineTo(px, py);
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
  for (const [colour, width] of [
    [palette.halo, 6],
    [palette.bad, 2.5],
  ]) {
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
