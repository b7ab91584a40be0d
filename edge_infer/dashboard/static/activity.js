// The last few things that happened, in words, over the map.

import { h } from "./dom.js";
import { label } from "./format.js";
import { stateWord } from "./lists.js";
import { palette } from "./palette.js";

const LINES = 4;
const STAY_MS = 7000;

const WORDS = {
  target: ({ target }) => [palette.heat(target.score), "New target", label(target.class_name)],
  removal: ({ removal }) => ["", "Duplicate removed", `${label(removal.class_name)} of ${removal.source}`],
  joined: ({ drone }) => ["", "Drone joined", drone.name],
  state: ({ drone }) => ["", `Drone ${stateWord(drone.state)}`, drone.name],
};

export class Activity {
  constructor(list) {
    this.list = list;
  }

  add(events) {
    for (const event of events.slice(-LINES)) {
      const [colour, what, which] = WORDS[event.kind](event);
      const line = h("li", {}, h("i", { className: "dot" }), h("b", {}, what), ` ${which}`);
      line.dataset.kind = event.kind;
      if (colour) line.firstElementChild.style.setProperty("--colour", colour);
      this.list.append(line);
      setTimeout(() => line.classList.add("old"), STAY_MS);
      setTimeout(() => line.remove(), STAY_MS + 600);
    }
    while (this.list.children.length > LINES) this.list.firstElementChild.remove();
  }
}
