// The map: a canvas that follows the world, the theme and the size of its place.

import { Coverage } from "./coverage.js";
import { drawDrones, drawFootprints, drawTracks } from "./drones.js";
import { drawFarm, drawGround, drawScaleBar } from "./ground.js";
import { drawLabels } from "./labels.js";
import { palette } from "./palette.js";
import { drawFlights, drawTargets } from "./targets.js";
import { Viewport, attachKeys, attachPointers } from "./viewport.js";

const STILL = matchMedia("(prefers-reduced-motion: reduce)");

export class MapView {
  /**
   * `focus` says what is selected; `pick(kind, id)` is called for a tap, kind null for the ground;
   * `insets()` says what lies over the edges: [left, top, right, bottom].
   */
  constructor(canvas, world, focus, pick, insets) {
    Object.assign(this, { canvas, world, focus, insets });
    this.ctx = canvas.getContext("2d");
    this.viewport = new Viewport();
    this.coverage = new Coverage();
    this.drawn = "";
    attachPointers(canvas, this.viewport, {
      tap: (x, y, reach) => pick(...(this.find(x, y, reach) ?? [null, null])),
      hover: (x, y) => {
        canvas.style.cursor = this.find(x, y, 14) ? "pointer" : "grab";
      },
    });
    attachKeys(canvas, this.viewport, () => this.showAll());
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.resize();
    requestAnimationFrame((now) => this.frame(now));
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    this.ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
    const tools = this.canvas.parentElement.querySelector(".tools");
    this.scaleBar = [tools.offsetLeft - 14, tools.offsetTop + tools.offsetHeight - 6];
    this.viewport.resize(width, height);
    this.viewport.steppedAt = null;
    if (this.viewport.fitted) this.fit();
  }

  /** The user asks for everything. */
  showAll() {
    this.viewport.release();
    this.fit();
  }

  fit() {
    if (this.world.extent) this.viewport.fit(this.world.extent, this.insets());
  }

  /** Takes note of an update: grows the view while the user left it alone, paints what was seen. */
  updated() {
    if (this.run !== this.world.run) this.coverage.clear();
    this.run = this.world.run;
    if (this.viewport.fitted) this.fit();
    for (const { to } of this.world.drones.values()) {
      if (to) this.coverage.add(this.world.farm, to.footprint);
    }
  }

  /** The drone or target nearest to a point on the screen: ["drone", name] or ["target", id]. */
  find(px, py, reach) {
    let best = null;
    let least = reach;
    const offer = (kind, id, place, bonus) => {
      const [x, y] = this.viewport.toScreen(place.x, place.y);
      const distance = Math.hypot(x - px, y - py) - bonus;
      if (distance < least) [best, least] = [[kind, id], distance];
    };
    for (const [name, { shown }] of this.world.drones) if (shown) offer("drone", name, shown, 4);
    for (const [id, { view }] of this.world.targets) offer("target", id, view, 0);
    return best;
  }

  frame(now) {
    requestAnimationFrame((next) => this.frame(next));
    this.viewport.step(now, STILL.matches);
    const key = `${this.viewport.version} ${palette.version} ${this.focus.version} ${devicePixelRatio}`;
    if (key === this.drawn && !this.world.moving) return;
    if (this.ratio !== devicePixelRatio) this.resize();
    this.drawn = key;
    this.draw(now);
  }

  draw(now) {
    const { ctx, viewport, world, focus } = this;
    world.sample(now);
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    drawGround(ctx, viewport);
    drawFarm(ctx, viewport, world.farm);
    this.coverage.draw(ctx, viewport);
    drawFootprints(ctx, viewport, world.drones, focus);
    drawTracks(ctx, viewport, world.drones, world.snapshot?.elapsed_s ?? 0);
    drawTargets(ctx, viewport, world.targets, focus, now);
    drawFlights(ctx, viewport, world, now, STILL.matches);
    drawDrones(ctx, viewport, world.drones, focus, now);
    drawLabels(ctx, viewport, world, focus);
    drawScaleBar(ctx, viewport, ...this.scaleBar);
  }
}
