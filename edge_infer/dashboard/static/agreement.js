// Whether the fleet holds one truth, from how its coordinators stand to each other.

import { known, number, plural } from "./format.js";

const MOST_NAMES = 2;

/** {kind, value, note, tone?} of a snapshot; kind is none, one, silent, behind or split. */
export function agreement({ coordinators, replicas_agree: agree, digest }) {
  const heard = coordinators.filter(({ part }) => known(part));
  const cut = heard.filter(({ part }) => part > 1);
  const silent = coordinators.filter(({ part }) => !known(part));
  const behind = heard.reduce((total, one) => total + (one.behind ?? 0), 0);
  if (cut.length) {
    const parts = Math.max(...cut.map(({ part }) => part));
    return { kind: "split", value: `${parts} parts`, note: `${names(cut)} cut off`, tone: "bad" };
  }
  if (behind || agree === false) {
    const note = behind ? `${plural(behind, "sighting")} to go` : "catching up";
    return { kind: "behind", value: "differ", note, tone: "warn" };
  }
  const note = digest ? digest.slice(0, 10) : "no digest yet";
  if (!known(agree)) return { kind: "none", value: "–", note };
  if (silent.length) return { kind: "silent", value: "agree", note: `${names(silent)} silent`, tone: "warn" };
  return { kind: "one", value: "agree", note, tone: "ok" };
}

/** How a drone's own coordinator stands, in a word or two; empty when all is well or it has none. */
export function standing({ coordinators }, drone) {
  const one = coordinators.find(({ name }) => name === drone);
  if (!one) return "";
  if (!known(one.part)) return "not heard";
  if (one.part > 1) return "cut off";
  return one.behind ? `${number(one.behind)} behind` : "";
}

function names(some) {
  const more = some.length - MOST_NAMES;
  const first = some.slice(0, MOST_NAMES).map(({ name }) => name).join(", ");
  return more > 0 ? `${first} and ${more} more` : first;
}
