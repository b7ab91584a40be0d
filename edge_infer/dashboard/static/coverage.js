// The ground that some camera has seen since this page opened: a picture of the farm,
// painted once per footprint and laid over the map.

import { palette } from "./palette.js";

const MARGIN_M = 15;
const LONGEST_PX = 1600;

export class Coverage {
  constructor() {
    this.clear();
  }

  clear() {
    this.farm = null;
    this.canvas = null;
  }

  add(farm, footprint) {
    if (!farm || footprint.length < 3) return;
    if (farm !== this.farm) this.start(farm);
    this.ctx.beginPath();
    for (const [x, y] of footprint)
      this.ctx.lineTo((x - this.west) * this.scale, (this.north - y) * this.scale);
    this.ctx.fillStyle = palette.accent;
    this.ctx.fill();
  }

  start(farm) {
    const points = farm.rows.flat();
    const range = (axis) =>
      points.reduce(([a, b], p) => [Math.min(a, p[axis]), Math.max(b, p[axis])], [Infinity, -Infinity]);
    const [west, east] = range(0);
    const [south, north] = range(1);
    const width = east - west + 2 * MARGIN_M;
    const height = north - south + 2 * MARGIN_M;
    this.farm = farm;
    this.west = west - MARGIN_M;
    this.north = north + MARGIN_M;
    this.scale = Math.min(4, LONGEST_PX / Math.max(width, height));
    this.canvas = document.createElement("canvas");
    this.canvas.width = Math.ceil(width * this.scale);
    this.canvas.height = Math.ceil(height * this.scale);
    this.ctx = this.canvas.getContext("2d");
    this.tint = palette.version;
  }

  draw(ctx, viewport) {
    if (!this.canvas) return;
    if (this.tint !== palette.version) {
      this.ctx.globalCompositeOperation = "source-in";
      this.ctx.fillStyle = palette.accent;
      this.ctx.fillRect(0, 0, this.canvas.width, this.canvas.height);
      this.ctx.globalCompositeOperation = "source-over";
      this.tint = palette.version;
    }
    const [x, y] = viewport.toScreen(this.west, this.north);
    const zoom = viewport.scale / this.scale;
    ctx.globalAlpha = 0.13;
    ctx.drawImage(this.canvas, x, y, this.canvas.width * zoom, this.canvas.height * zoom);
    ctx.globalAlpha = 1;
  }
}
