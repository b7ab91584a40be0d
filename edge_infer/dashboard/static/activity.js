// The last few things that happened, in words, over the map.

import { h } from "./dom.js";
import { label } from "./format.js";
import { stateWord } from "./lists.js";
import { palette } from "./palette.js";

const LINES = 3;
const STAY_MS = 7000;

const WORDS = {
  target: ({ target }) => [palette.heat(target.score), "New target", label(target.class_name)],
  removal: ({ removal }) => ["", "Duplicate removed", `${label(removal.class_name)} of ${removal.source}`],
  joined: ({ drone }) => ["", "Drone joined", drone.name],
  split: ({ truth }) => ["var(--bad)", "Fleet split", truth.note],
  whole: ({ truth }) => ["var(--ok)", "One truth again", truth.note],
  state: ({ drone }) => ["", `Drone ${stateWord(drone.state)}`, drone.name],
};

export class Activity {
  constructor(list) {
    this.list = list;
  }

  /** Adds lines; removals, of which there are many, share one. */
  add(events) {
    const removals = events.filter(({ kind }) => kind === "removal");
    const others = events.filter(({ kind }) => kind !== "removal").slice(-LINES);
    for (const event of others) this.list.append(this.line(event));
    if (removals.length) this.addRemovals(removals);
    while (this.list.children.length > LINES) this.list.firstElementChild.remove();
  }

  addRemovals(removals) {
    const before = this.list.querySelector('[data-kind="removal"]:not(.old)');
    const count = Number(before?.dataset.count ?? 0) + removals.length;
    const line = this.line(removals.at(-1));
    line.dataset.count = count;
    if (count > 1) line.querySelector("b").textContent = `${count} duplicates removed`;
    if (before) before.replaceWith(line);
    else this.list.append(line);
  }

  line(event) {
    const [colour, what, which] = WORDS[event.kind](event);
    const line = h("li", {}, h("i", { className: "dot" }), h("b", {}, what), ` ${which}`);
    line.dataset.kind = event.kind;
    if (colour) line.firstElementChild.style.setProperty("--colour", colour);
    setTimeout(() => line.classList.add("old"), STAY_MS);
    setTimeout(() => line.remove(), STAY_MS + 600);
    return line;
  }
}
