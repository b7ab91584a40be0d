// The two lists beside the map: drones and targets.

import { standing } from "./agreement.js";
import { byId, h, setText, syncList } from "./dom.js";
import { label, ms, number, plural } from "./format.js";
import { palette } from "./palette.js";
import { step } from "./rollout.js";

const MOST_ROWS = 200;
const STATE_WORDS = {
  alive: "alive",
  suspect: "suspect",
  dead: "dead",
  left: "left",
  restarted: "restarting",
};
const ORDERS = {
  newest: (a, b) => b.first_seen_ns - a.first_seen_ns,
  score: (a, b) => b.score - a.score,
};

export const stateWord = (state) => STATE_WORDS[state] ?? state;

export class DroneList {
  constructor(pick) {
    this.body = byId("drone-rows");
    this.pick = pick;
  }

  show(snapshot, focus) {
    const count = (state) => snapshot.drones.filter((drone) => drone.state === state).length;
    const parts = ["suspect", "dead", "restarted", "left"]
      .filter(count)
      .map((state) => `${count(state)} ${stateWord(state)}`);
    const alive = snapshot.drones.length
      ? `${count("alive")} of ${snapshot.drones.length} alive`
      : "none yet";
    setText(byId("drones-note"), [alive, ...parts].join(" · "));
    setText(byId("tab-drones"), number(snapshot.drones.length));
    this.index = 0;
    this.snapshot = snapshot;
    syncList(
      this.body,
      snapshot.drones,
      (drone) => drone.name,
      (drone) => this.make(drone),
      (row, drone) => this.fill(row, drone, focus),
    );
  }

  make({ name }) {
    const button = h(
      "button",
      { type: "button", className: "name", onclick: () => this.pick("drone", name) },
      h("i", { className: "dot" }),
      h("b"),
      h("small", { className: "model" }),
      h("small", { className: "update" }),
    );
    const row = h("tr", { onclick: (event) => event.target.closest("button") || this.pick("drone", name) });
    row.append(h("td", {}, button), h("td", {}, h("span", { className: "state" }), h("small", { className: "replica" })));
    for (let i = 0; i < 3; i += 1) row.append(h("td", { className: "num" }));
    return row;
  }

  fill(row, drone, focus) {
    const [name, state, rate, infer, sighting] = row.children;
    const [dot, title, model, update] = name.firstElementChild.children;
    const index = this.index++;
    dot.style.setProperty("--colour", palette.drone(index));
    setText(title, drone.name);
    setText(model, [drone.model_name, drone.model_version].filter(Boolean).join(" ") || "no model yet");
    setText(update, step(drone));
    update.dataset.state = drone.update_state;
    const replica = standing(this.snapshot, drone.name);
    state.firstElementChild.dataset.state = drone.state === "alive" && replica ? "suspect" : drone.state;
    setText(state.firstElementChild, stateWord(drone.state) + (drone.restarts ? ` ↻${drone.restarts}` : ""));
    setText(state.lastElementChild, replica);
    setText(rate, number(drone.frame_rate_hz, 1));
    setText(infer, ms(drone.infer_ms));
    setText(sighting, ms(drone.sighting_ms));
    const chosen = focus.is("drone", drone.name);
    row.classList.toggle("chosen", chosen);
    name.firstElementChild.setAttribute("aria-pressed", chosen);
  }
}

export class TargetList {
  constructor(pick, changed) {
    this.list = byId("target-rows");
    this.chips = byId("chips");
    this.pick = pick;
    this.changed = changed;
    this.order = "newest";
    byId("order").addEventListener("click", (event) => {
      const { order } = event.target.dataset;
      if (order) this.sortBy(order);
    });
  }

  sortBy(order) {
    this.order = order;
    for (const button of byId("order").children)
      button.setAttribute("aria-pressed", button.dataset.order === order);
    this.changed();
  }

  show(snapshot, focus) {
    setText(byId("tab-targets"), number(snapshot.targets.length));
    this.showChips(snapshot.targets, focus);
    const chosen = snapshot.targets.filter(
      (target) => !focus.className || target.class_name === focus.className,
    );
    const rows = chosen.sort(ORDERS[this.order]).slice(0, MOST_ROWS);
    syncList(
      this.list,
      rows,
      (target) => target.id,
      (target) => this.make(target),
      (row, target) => fillTarget(row, target, focus),
    );
    this.list.dataset.more =
      chosen.length > MOST_ROWS ? `and ${number(chosen.length - MOST_ROWS)} more on the map` : "";
  }

  showChips(targets, focus) {
    const counts = new Map();
    for (const { class_name: name } of targets) counts.set(name, (counts.get(name) ?? 0) + 1);
    if (focus.className && !counts.has(focus.className)) focus.filter(focus.className);
    const items = [...counts].sort(([a], [b]) => a.localeCompare(b));
    syncList(
      this.chips,
      items,
      ([name]) => name,
      ([name]) => this.makeChip(name, focus),
      (chip, [name, count]) => {
        setText(chip.lastElementChild, number(count));
        chip.setAttribute("aria-pressed", focus.className === name);
      },
    );
  }

  makeChip(name, focus) {
    const onclick = () => {
      focus.filter(name);
      this.changed();
    };
    return h("button", { type: "button", onclick }, `${label(name)} `, h("b"));
  }

  make({ id }) {
    const button = h(
      "button",
      { type: "button", onclick: () => this.pick("target", id) },
      h("i", { className: "dot" }),
      h("span", { className: "title" }),
      h("span", { className: "score" }),
      h("small"),
    );
    return h("li", {}, button);
  }
}

function fillTarget(row, target, focus) {
  const button = row.firstElementChild;
  const [dot, title, score, note] = button.children;
  dot.style.setProperty("--colour", palette.heat(target.score));
  setText(title, label(target.class_name));
  setText(score, target.score.toFixed(2));
  setText(
    note,
    `${plural(target.sources.length, "drone")} · ${plural(target.sightings, "sighting")} · E ${number(target.x, 1)}, N ${number(target.y, 1)}`,
  );
  button.setAttribute("aria-pressed", focus.is("target", target.id));
}
