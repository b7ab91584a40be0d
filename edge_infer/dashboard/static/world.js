// What the page knows, and how it moves between two updates.
//
// Everything glides from where it is drawn now to where the newest update says,
// in about the time until the next one, which differs from drone to drone. `now` is milliseconds of performance.now().

import { agreement } from "./agreement.js";

const TRACK_S = 40;
const JUMP_M = 25;
const HISTORY = 90;
const FLIGHT_MS = 1100;
const MAX_FLIGHTS = 24;
export const PULSE_MS = 1400;

export class World {
  constructor() {
    this.farm = null;
    this.extent = null;
    this.run = 0;
    this.reset();
  }

  reset() {
    this.run += 1;
    this.snapshot = null;
    this.drones = new Map();
    this.targets = new Map();
    this.flights = [];
    this.animatedUntil = 0;
    this.isSplit = false;
  }

  /** The farm stays the same object while it is the same farm. */
  setFarm(farm) {
    if (JSON.stringify(farm) === JSON.stringify(this.farm)) return;
    this.farm = farm;
    this.extent = null;
    this.extend(farm?.rows.flat() ?? []);
    this.animatedUntil = performance.now() + 100;
  }

  get moving() {
    return performance.now() < this.animatedUntil;
  }

  /** Takes an update; returns what happened: [{kind, target?, removal?, drone?, truth?}]. */
  update(snapshot, now) {
    const before = this.snapshot;
    if (before && snapshot.elapsed_s < before.elapsed_s - 0.5) this.reset();
    const first = this.snapshot === null;
    this.sample(now);
    this.snapshot = snapshot;
    this.animatedUntil = now + 2000;
    const events = [
      ...this.updateDrones(snapshot, now),
      ...this.updateTargets(snapshot, first, now),
      ...this.updateFlights(snapshot, before, first, now),
      ...this.updateTruth(snapshot),
    ];
    this.extend(snapshot.targets.map(({ x, y }) => [x, y]));
    this.extend(snapshot.drones.filter(({ x, y }) => x !== null && y !== null).map(({ x, y }) => [x, y]));
    return first ? [] : events;
  }

  updateDrones(snapshot, now) {
    const events = [];
    const names = new Set(snapshot.drones.map((view) => view.name));
    for (const name of this.drones.keys()) if (!names.has(name)) this.drones.delete(name);
    snapshot.drones.forEach((view, index) => {
      let drone = this.drones.get(view.name);
      if (!drone) {
        drone = {
          track: [],
          rates: [],
          latencies: [],
          view,
          shown: null,
          to: null,
          movedAt: now,
          interval: 300,
        };
        this.drones.set(view.name, drone);
        events.push({ kind: "joined", drone: view });
      } else if (drone.view.state !== view.state) {
        events.push({ kind: "state", drone: view });
      }
      Object.assign(drone, { view, index });
      const place = view.x === null || view.y === null ? null : view;
      const jumped = glide(drone, place, now);
      remember(drone.rates, view.frame_rate_hz);
      remember(drone.latencies, view.sighting_ms);
      extendTrack(drone.track, place, snapshot.elapsed_s, jumped);
    });
    return events;
  }

  updateTargets(snapshot, first, now) {
    const events = [];
    const old = this.targets;
    this.targets = new Map();
    for (const view of snapshot.targets) {
      const known = old.get(view.id);
      this.targets.set(view.id, {
        view,
        born: known?.born ?? (first ? -Infinity : now),
        pulse: known?.pulse ?? -Infinity,
      });
      if (!known) events.push({ kind: "target", target: view });
    }
    return events;
  }

  updateFlights(snapshot, before, first, now) {
    this.flights = this.flights.filter((flight) => now < flight.end + 300);
    const seen = new Set((first ? snapshot : before).removals.map((removal) => removal.id));
    const fresh = snapshot.removals.filter(
      (removal) => !seen.has(removal.id) && this.targets.has(removal.into),
    );
    const room = Math.max(0, MAX_FLIGHTS - this.flights.length);
    fresh.slice(0, room).forEach((removal, i) => {
      const start = now + i * 90;
      this.flights.push({ removal, start, end: start + FLIGHT_MS });
    });
    return fresh.map((removal) => ({
      kind: "removal",
      removal,
      target: this.targets.get(removal.into).view,
    }));
  }

  /** A split is over when all that is heard agrees again, not when it is heard again. */
  updateTruth(snapshot) {
    const truth = agreement(snapshot);
    const isSplit = truth.kind === "split" || truth.kind === "silent";
    if (isSplit === this.isSplit || !["split", "silent", "one"].includes(truth.kind)) return [];
    this.isSplit = isSplit;
    return [{ kind: isSplit ? "split" : "whole", truth }];
  }

  /** Moves what is shown to where it is at `now`. */
  sample(now) {
    for (const drone of this.drones.values()) {
      const share = Math.min(1, (now - drone.movedAt) / (drone.interval * 1.1));
      drone.shown = between(drone.from, drone.to, share);
    }
    for (const flight of this.flights) {
      const target = this.targets.get(flight.removal.into);
      if (target && now >= flight.end && target.pulse < flight.end) target.pulse = flight.end;
    }
  }

  /** [west, south, east, north] of all there ever was; null for nothing. Only grows. */
  extend(points) {
    for (const [x, y] of points) {
      const [west, south, east, north] = this.extent ?? [x, y, x, y];
      this.extent = [Math.min(west, x), Math.min(south, y), Math.max(east, x), Math.max(north, y)];
    }
  }
}

/** Starts the way to a new place; it takes as long as places take to change. True for a jump. */
function glide(drone, place, now) {
  const last = drone.to;
  if (last && place && last.x === place.x && last.y === place.y && last.yaw_rad === place.yaw_rad)
    return false;
  const jumped = Boolean(last && place) && Math.hypot(place.x - last.x, place.y - last.y) > JUMP_M;
  const gap = Math.min(2000, Math.max(50, now - drone.movedAt));
  if (last) drone.interval += (gap - drone.interval) * 0.3;
  Object.assign(drone, { from: jumped ? null : drone.shown, to: place, movedAt: now });
  return jumped;
}

function remember(series, value) {
  series.push(value);
  if (series.length > HISTORY) series.shift();
}

function extendTrack(track, place, elapsed, jumped) {
  if (place) {
    const last = track.at(-1);
    const gap = !last || jumped;
    if (gap || Math.hypot(place.x - last.x, place.y - last.y) > 0.15) {
      track.push({ x: place.x, y: place.y, at: elapsed, gap });
    }
  }
  while (track.length && elapsed - track[0].at > TRACK_S) track.shift();
}

function between(from, to, share) {
  if (!to) return null;
  const base = from ?? to;
  const mix = (a, b) => a + (b - a) * share;
  const turn = Math.atan2(Math.sin(to.yaw_rad - base.yaw_rad), Math.cos(to.yaw_rad - base.yaw_rad));
  const same = base.footprint.length === to.footprint.length;
  return {
    x: mix(base.x, to.x),
    y: mix(base.y, to.y),
    yaw_rad: base.yaw_rad + turn * share,
    footprint: same
      ? to.footprint.map(([x, y], i) => [mix(base.footprint[i][0], x), mix(base.footprint[i][1], y)])
      : to.footprint,
  };
}

export { TRACK_S, FLIGHT_MS };
