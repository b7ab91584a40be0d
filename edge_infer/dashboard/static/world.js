// What the page knows, and how it moves between two updates.
//
// Everything glides from where it is drawn now to where the newest update says,
// in about the time until the next one. `now` is milliseconds of performance.now().

const TRACK_S = 40;
const JUMP_M = 25;
const HISTORY = 90;
const FLIGHT_MS = 1100;
const MAX_FLIGHTS = 24;
export const PULSE_MS = 1400;

export class World {
  constructor() {
    this.farm = null;
    this.reset();
  }

  reset() {
    this.snapshot = null;
    this.drones = new Map();
    this.targets = new Map();
    this.flights = [];
    this.interval = 200;
    this.arrived = 0;
    this.animatedUntil = 0;
  }

  /** The farm stays the same object while it is the same farm. */
  setFarm(farm) {
    if (JSON.stringify(farm) !== JSON.stringify(this.farm)) this.farm = farm;
    this.animatedUntil = performance.now() + 100;
  }

  get moving() {
    return performance.now() < this.animatedUntil;
  }

  /** Takes an update; returns what happened: [{kind, target?, removal?, drone?}]. */
  update(snapshot, now) {
    const before = this.snapshot;
    if (before && snapshot.elapsed_s < before.elapsed_s - 0.5) this.reset();
    if (this.snapshot) {
      const gap = Math.min(2000, Math.max(50, now - this.arrived));
      this.interval += (gap - this.interval) * 0.2;
    }
    const first = this.snapshot === null;
    this.sample(now);
    this.snapshot = snapshot;
    this.arrived = now;
    this.animatedUntil = now + 2000;
    const events = [
      ...this.updateDrones(snapshot, first),
      ...this.updateTargets(snapshot, first, now),
      ...this.updateFlights(snapshot, before, first, now),
    ];
    return first ? [] : events;
  }

  updateDrones(snapshot) {
    const events = [];
    const names = new Set(snapshot.drones.map((view) => view.name));
    for (const name of this.drones.keys()) if (!names.has(name)) this.drones.delete(name);
    snapshot.drones.forEach((view, index) => {
      let drone = this.drones.get(view.name);
      if (!drone) {
        drone = { track: [], rates: [], latencies: [], view, shown: null };
        this.drones.set(view.name, drone);
        events.push({ kind: "joined", drone: view });
      } else if (drone.view.state !== view.state) {
        events.push({ kind: "state", drone: view });
      }
      const place = view.x === null || view.y === null ? null : view;
      const jumped = drone.shown && place && Math.hypot(place.x - drone.shown.x, place.y - drone.shown.y) > JUMP_M;
      Object.assign(drone, { view, index, to: place, from: jumped ? null : drone.shown });
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
      this.targets.set(view.id, { view, born: known?.born ?? (first ? -Infinity : now), pulse: known?.pulse ?? -Infinity });
      if (!known) events.push({ kind: "target", target: view });
    }
    return events;
  }

  updateFlights(snapshot, before, first, now) {
    this.flights = this.flights.filter((flight) => now < flight.end + 300);
    const seen = new Set((first ? snapshot : before).removals.map((removal) => removal.id));
    const fresh = snapshot.removals.filter((removal) => !seen.has(removal.id) && this.targets.has(removal.into));
    const room = Math.max(0, MAX_FLIGHTS - this.flights.length);
    fresh.slice(0, room).forEach((removal, i) => {
      const start = now + i * 90;
      this.flights.push({ removal, start, end: start + FLIGHT_MS });
    });
    return fresh.map((removal) => ({ kind: "removal", removal, target: this.targets.get(removal.into).view }));
  }

  /** Moves what is shown to where it is at `now`. */
  sample(now) {
    const share = Math.min(1, (now - this.arrived) / (this.interval * 1.1));
    for (const drone of this.drones.values()) drone.shown = between(drone.from, drone.to, share);
    for (const flight of this.flights) {
      const target = this.targets.get(flight.removal.into);
      if (target && now >= flight.end && target.pulse < flight.end) target.pulse = flight.end;
    }
  }

  /** [west, south, east, north] of all there is, or null. */
  bounds() {
    const points = this.farm ? this.farm.rows.flat() : [];
    for (const { to } of this.drones.values()) if (to) points.push([to.x, to.y], ...to.footprint);
    for (const { view } of this.targets.values()) points.push([view.x, view.y]);
    if (!points.length) return null;
    const xs = points.map((p) => p[0]);
    const ys = points.map((p) => p[1]);
    const least = (values) => values.reduce((a, b) => Math.min(a, b));
    const most = (values) => values.reduce((a, b) => Math.max(a, b));
    return [least(xs), least(ys), most(xs), most(ys)];
  }
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
    footprint: same ? to.footprint.map(([x, y], i) => [mix(base.footprint[i][0], x), mix(base.footprint[i][1], y)]) : to.footprint,
  };
}

export { TRACK_S, FLIGHT_MS };
