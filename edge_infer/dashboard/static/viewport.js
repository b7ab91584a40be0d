// Which part of the fleet frame is on the screen, and the gestures that change it.
// East is right, north is up; sizes are CSS pixels.

const MIN_SCALE = 0.2;
const MAX_SCALE = 120;
const TAP_PX = 7;
const EASE_MS = 130;

export class Viewport {
  constructor() {
    Object.assign(this, { width: 1, height: 1, x: 0, y: 0, scale: 4, version: 0 });
    this.fitted = true;
    this.following = false;
    this.goal = null;
    this.steppedAt = null;
  }

  toScreen(x, y) {
    return [this.width / 2 + (x - this.x) * this.scale, this.height / 2 - (y - this.y) * this.scale];
  }

  toWorld(px, py) {
    return [this.x + (px - this.width / 2) / this.scale, this.y - (py - this.height / 2) / this.scale];
  }

  shows(x, y) {
    const [px, py] = this.toScreen(x, y);
    return px >= 0 && py >= 0 && px <= this.width && py <= this.height;
  }

  resize(width, height) {
    Object.assign(this, { width, height });
    this.version += 1;
  }

  panBy(dx, dy) {
    this.x -= dx / this.scale;
    this.y += dy / this.scale;
    this.release();
  }

  zoomAt(px, py, factor) {
    const [x, y] = this.toWorld(px, py);
    this.scale = clampScale(this.scale * factor);
    this.x = x - (px - this.width / 2) / this.scale;
    this.y = y + (py - this.height / 2) / this.scale;
    this.release();
  }

  /** The user took over. */
  release() {
    this.fitted = false;
    this.following = false;
    this.goal = null;
    this.version += 1;
  }

  zoom(factor) {
    this.zoomAt(this.width / 2, this.height / 2, factor);
  }

  /**
   * Shows all of [west, south, east, north] inside the insets [left, top, right, bottom], and keeps
   * doing so until the user moves the map.
   */
  fit([west, south, east, north], [left, top, right, bottom]) {
    const scale = clampScale(
      Math.min(
        (this.width - left - right) / Math.max(east - west, 8),
        (this.height - top - bottom) / Math.max(north - south, 8),
      ),
    );
    this.fitted = true;
    this.goal = {
      x: (west + east) / 2 - (left - right) / 2 / scale,
      y: (south + north) / 2 + (top - bottom) / 2 / scale,
      scale,
    };
  }

  /** Brings a point out from under the insets [left, top, right, bottom]. */
  reveal(x, y, [left, top, right, bottom]) {
    const [px, py] = this.toScreen(x, y);
    const inside = px > left && px < this.width - right && py > top && py < this.height - bottom;
    if (inside) return;
    this.fitted = false;
    this.goal = {
      x: x - (left - right) / 2 / this.scale,
      y: y + (top - bottom) / 2 / this.scale,
      scale: this.scale,
    };
  }

  /** Moves towards the goal; at once the first time and for `still`. */
  step(now, still) {
    const elapsed = this.steppedAt === null || still ? Infinity : now - this.steppedAt;
    this.steppedAt = now;
    if (!this.goal) return;
    const share = 1 - Math.exp(-elapsed / EASE_MS);
    for (const key of ["x", "y", "scale"]) this[key] += (this.goal[key] - this[key]) * share;
    const near = Math.hypot(this.goal.x - this.x, this.goal.y - this.y) * this.scale < 0.3;
    if (near && Math.abs(this.goal.scale / this.scale - 1) < 1e-3) {
      Object.assign(this, this.goal);
      this.goal = null;
    }
    this.version += 1;
  }
}

function clampScale(scale) {
  return Math.min(MAX_SCALE, Math.max(MIN_SCALE, scale));
}

/** One finger or button drags, two fingers pinch, the wheel zooms; `tap(px, py, reach)`, `hover(px, py)`. */
export function attachPointers(canvas, viewport, { tap, hover }) {
  const pointers = new Map();
  let travelled = 0;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    canvas.setPointerCapture(event.pointerId);
    if (pointers.size === 0) travelled = 0;
    pointers.set(event.pointerId, place(event));
  });

  canvas.addEventListener("pointermove", (event) => {
    const to = place(event);
    const from = pointers.get(event.pointerId);
    if (!from) {
      hover(...to);
      return;
    }
    travelled += Math.hypot(to[0] - from[0], to[1] - from[1]);
    if (pointers.size === 2) pinch(event.pointerId, from, to);
    else if (travelled > TAP_PX) viewport.panBy(to[0] - from[0], to[1] - from[1]);
    pointers.set(event.pointerId, to);
  });

  function pinch(id, from, to) {
    const [other] = [...pointers].filter(([key]) => key !== id).map(([, point]) => point);
    const before = Math.hypot(from[0] - other[0], from[1] - other[1]);
    const after = Math.hypot(to[0] - other[0], to[1] - other[1]);
    viewport.panBy((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
    if (before > 1) viewport.zoomAt((to[0] + other[0]) / 2, (to[1] + other[1]) / 2, after / before);
  }

  const release = (event) => {
    if (!pointers.delete(event.pointerId) || event.type === "pointercancel") return;
    if (pointers.size === 0 && travelled <= TAP_PX)
      tap(...place(event), event.pointerType === "mouse" ? 14 : 26);
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => hover(-1e6, -1e6));
  canvas.addEventListener("dblclick", (event) => viewport.zoomAt(...place(event), 2));
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : 1;
      viewport.zoomAt(...place(event), Math.exp(-event.deltaY * lines * 0.0016));
    },
    { passive: false },
  );
}

/** Arrows move, plus and minus zoom, 0 fits. */
export function attachKeys(canvas, viewport, fit) {
  const step = 60;
  const keys = {
    ArrowLeft: () => viewport.panBy(step, 0),
    ArrowRight: () => viewport.panBy(-step, 0),
    ArrowUp: () => viewport.panBy(0, step),
    ArrowDown: () => viewport.panBy(0, -step),
    "+": () => viewport.zoom(1.3),
    "=": () => viewport.zoom(1.3),
    "-": () => viewport.zoom(1 / 1.3),
    0: fit,
  };
  canvas.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
}
