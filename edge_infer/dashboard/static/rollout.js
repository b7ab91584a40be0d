// How far the fleet is with a new model: the wave, and each drone's way to it.

import { known, percent } from "./format.js";

const TONES = { aborted: "bad", paused: "warn", done: "ok" };
const STEPS = {
  VERIFYING: "checking",
  STAGED: "ready",
  ON_TRIAL: "on trial",
  ROLLED_BACK: "went back",
  FAILED: "refused",
};

/** {value, note, tone?} of a snapshot; null when there was no rollout. */
export function rollout({ rollout: view, drones }) {
  if (!view) return null;
  const have = drones.filter((drone) => drone.model_release === view.release).length;
  const note = `${view.version} on ${have} of ${drones.length}${view.reason ? ` · ${view.reason}` : ""}`;
  const value = view.state === "running" ? `wave ${view.wave} of ${view.waves}` : view.state;
  return { value, note, tone: TONES[view.state] };
}

/** A drone's way to another model, in a word or two; empty when it is on none. */
export function step({ update_state: state, update_progress: progress }) {
  if (state === "DOWNLOADING") return known(progress) ? `fetching ${percent(progress, 0)}` : "fetching";
  return STEPS[state] ?? "";
}
