// The targets on the map, and the duplicates on their way into them.

import { TAU, disc, drawSelection } from "./draw.js";
import { palette } from "./palette.js";
import { PULSE_MS } from "./world.js";

const SPRITE_SCALE = 3;
const MOST_SPRITES = 200;
const sprites = new Map();

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
  const mark = sprite(score, radius, Math.min(view.sources.length, 8));
  const reach = mark.width / 2 / SPRITE_SCALE;
  ctx.drawImage(mark, x - reach, y - reach, 2 * reach, 2 * reach);
  drawPulse(ctx, x, y, radius, score, (now - Math.max(born, pulse)) / PULSE_MS);
}

/** Glow, disc and ring of a target, painted once per shade, size, number of sources and theme. */
function sprite(score, radius, sources) {
  const key = `${Math.round(score * 32)} ${radius.toFixed(1)} ${sources} ${palette.version}`;
  if (!sprites.has(key)) {
    if (sprites.size >= MOST_SPRITES) sprites.clear();
    sprites.set(key, paintSprite(score, radius, sources));
  }
  return sprites.get(key);
}

function paintSprite(score, radius, sources) {
  const reach = Math.ceil(radius * 3.2);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 2 * reach * SPRITE_SCALE;
  const ctx = canvas.getContext("2d");
  ctx.scale(SPRITE_SCALE, SPRITE_SCALE);
  ctx.translate(reach, reach);
  const glow = ctx.createRadialGradient(0, 0, 0, 0, 0, reach);
  glow.addColorStop(0, palette.heat(score, 0.55));
  glow.addColorStop(1, palette.heat(score, 0));
  ctx.fillStyle = glow;
  ctx.fillRect(-reach, -reach, 2 * reach, 2 * reach);
  disc(ctx, 0, 0, radius);
  ctx.fillStyle = palette.heat(score);
  ctx.fill();
  ctx.strokeStyle = palette.halo;
  ctx.lineWidth = 1.5;
  ctx.stroke();
  drawSources(ctx, radius + 3.5, score, sources);
  return canvas;
}

function drawPulse(ctx, x, y, radius, score, share) {
  if (!(share >= 0 && share < 1)) return;
  disc(ctx, x, y, radius + share * 26);
  ctx.strokeStyle = palette.heat(score, (1 - share) ** 1.5);
  ctx.lineWidth = 2.5 * (1 - share) + 0.5;
  ctx.stroke();
}

/** One arc of a ring for every drone that saw it. */
function drawSources(ctx, radius, score, count) {
  if (count < 2) return;
  const gap = 0.3;
  ctx.strokeStyle = palette.heat(score, 0.95);
  ctx.lineWidth = 1.5;
  for (let i = 0; i < count; i += 1) {
    const start = -TAU / 4 + (i * TAU) / count + gap / 2;
    ctx.beginPath();
    ctx.arc(0, 0, radius, start, start + TAU / count - gap);
    ctx.stroke();
  }
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
