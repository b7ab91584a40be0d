// Names on the map: the best first, none over another and none over a mark.

import { FONT } from "./draw.js";
import { isGone } from "./drones.js";
import { label } from "./format.js";
import { palette } from "./palette.js";
import { targetRadius } from "./targets.js";

const MOST_TRIED = 150;

export function drawLabels(ctx, viewport, world, focus) {
  const labels = new Labels(ctx, viewport, marks(viewport, world));
  const chosen = focus.kind === "target" ? world.targets.get(focus.id) : null;
  if (chosen) labels.placeTarget(chosen.view, 600);
  for (const [name, { view, shown, index }] of world.drones) {
    if (shown) labels.place(shown, 17, name, 600, isGone(view) ? palette.muted : palette.drone(index));
  }
  [...world.targets.values()]
    .filter((target) => target !== chosen && (!focus.className || focus.className === target.view.class_name))
    .filter(({ view }) => viewport.shows(view.x, view.y))
    .sort((a, b) => b.view.score - a.view.score)
    .slice(0, MOST_TRIED)
    .forEach(({ view }) => labels.placeTarget(view, 500));
}

/** What no label may hide: [left, top, right, bottom] of each mark. */
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

class Labels {
  constructor(ctx, viewport, taken) {
    Object.assign(this, { ctx, viewport, taken });
  }

  placeTarget(view, weight) {
    const text = `${label(view.class_name)} ${view.score.toFixed(2)}`;
    this.place(view, targetRadius(this.viewport) + 8, text, weight, palette.text);
  }

  /** Writes to the right of a mark, else to the left, else not at all. */
  place({ x, y }, offset, text, weight, colour) {
    if (!this.viewport.shows(x, y)) return;
    const { ctx } = this;
    const [px, py] = this.viewport.toScreen(x, y);
    ctx.font = `${weight} 11px ${FONT}`;
    const width = ctx.measureText(text).width;
    const box = [px + offset, px - offset - width]
      .map((left) => [left, py - 7, left + width, py + 7])
      .find((candidate) => this.isFree(candidate));
    if (!box) return;
    this.taken.push(box);
    ctx.textBaseline = "middle";
    ctx.lineJoin = "round";
    ctx.lineWidth = 3.5;
    ctx.strokeStyle = palette.halo;
    ctx.strokeText(text, box[0], py);
    ctx.fillStyle = colour;
    ctx.fillText(text, box[0], py);
  }

  isFree(box) {
    const inside = box[0] > 2 && box[2] < this.viewport.width - 2;
    return inside && !this.taken.some((other) => overlap(box, other));
  }
}

const overlap = (a, b) => a[0] < b[2] + 4 && b[0] < a[2] + 4 && a[1] < b[3] && b[1] < a[3];
