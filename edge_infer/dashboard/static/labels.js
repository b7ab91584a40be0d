// Names on the map: the best first, none over another and none over a mark.

import { FONT } from "./draw.js";
import { isGone } from "./drones.js";
import { label } from "./format.js";
import { palette } from "./palette.js";
import { targetRadius } from "./targets.js";

/** What no label may hide: a box around each mark. */
function marks(viewport, world) {
  const box = ({ x, y }, size) => {
    const [px, py] = viewport.toScreen(x, y);
    return [px - size, py - size, px + size, py + size];
  };
  const radius = targetRadius(viewport);
  const drones = [...world.drones.values()].filter(({ shown }) => shown);
  return [
    ...drones.map(({ shown }) => box(shown, 9)),
    ...[...world.targets.values()].map(({ view }) => box(view, radius)),
  ];
}

/** Names, best first, none over another. */
export function drawLabels(ctx, viewport, world, focus) {
  const taken = marks(viewport, world);
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  const chosen = focus.kind === "target" ? world.targets.get(focus.id) : null;
  if (chosen) placeTargetLabel(ctx, viewport, taken, chosen.view, true);
  for (const [name, { view, shown, index }] of world.drones) {
    if (!shown) continue;
    const colour = isGone(view) ? palette.muted : palette.drone(index);
    placeLabel(ctx, viewport, taken, shown, 17, `600 11px ${FONT}`, name, colour);
  }
  const rest = [...world.targets.values()].sort((a, b) => b.view.score - a.view.score);
  for (const target of rest) {
    const wanted = !focus.className || focus.className === target.view.class_name;
    if (wanted && target !== chosen) placeTargetLabel(ctx, viewport, taken, target.view, false);
  }
}

function placeTargetLabel(ctx, viewport, taken, view, strong) {
  const text = `${label(view.class_name)} ${view.score.toFixed(2)}`;
  placeLabel(
    ctx,
    viewport,
    taken,
    view,
    targetRadius(viewport) + 8,
    `${strong ? 600 : 500} 11px ${FONT}`,
    text,
    palette.text,
  );
}

function placeLabel(ctx, viewport, taken, place, offset, font, text, colour) {
  const [px, py] = viewport.toScreen(place.x, place.y);
  if (px < 0 || py < 0 || px > viewport.width || py > viewport.height) return;
  ctx.font = font;
  const width = ctx.measureText(text).width;
  const box = [px + offset, px - offset - width]
    .map((x) => [x, py - 7, x + width, py + 7])
    .find(
      (candidate) =>
        candidate[0] > 2 &&
        candidate[2] < viewport.width - 2 &&
        !taken.some((other) => overlap(candidate, other)),
    );
  if (!box) return;
  taken.push(box);
  ctx.lineWidth = 3.5;
  ctx.strokeStyle = palette.halo;
  ctx.strokeText(text, box[0], py);
  ctx.fillStyle = colour;
  ctx.fillText(text, box[0], py);
}

const overlap = (a, b) => a[0] < b[2] + 4 && b[0] < a[2] + 4 && a[1] < b[3] && b[1] < a[3];
