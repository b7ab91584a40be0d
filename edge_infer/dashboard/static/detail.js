// The card of one drone or one target.

import { standing } from "./agreement.js";
import { h, morphChildren, sparkline } from "./dom.js";
import { ago, known, label, ms, number, percent, plural, timeOfDay } from "./format.js";
import { latLonText, toLatLon } from "./geo.js";
import { stateWord } from "./lists.js";
import { palette } from "./palette.js";

export class DetailCard {
  /** `pick(kind, id)` follows a link, kind null closes. */
  constructor(element, world, pick) {
    Object.assign(this, { element, world, pick });
    this.shown = "";
  }

  show(focus) {
    const item = this.find(focus);
    this.element.hidden = !item;
    if (!item) return;
    const key = `${focus.kind} ${focus.id}`;
    if (this.shown !== key) this.element.replaceChildren();
    this.shown = key;
    morphChildren(this.element, focus.kind === "drone" ? this.drone(item) : this.target(item.view));
  }

  find({ kind, id }) {
    if (kind === "drone") return this.world.drones.get(id);
    return kind === "target" ? this.world.targets.get(id) : null;
  }

  head(title, subtitle, colour) {
    const dot = h("i", { className: "dot" });
    dot.style.setProperty("--colour", colour);
    const close = this.button("close", "×", () => this.pick(null, null));
    close.className = "close";
    close.setAttribute("aria-label", "Close");
    return h(
      "div",
      { className: "detail-head" },
      dot,
      h("div", {}, h("h2", {}, title), h("p", {}, subtitle)),
      close,
    );
  }

  button(key, text, onclick) {
    const button = h("button", { type: "button", onclick }, text);
    button.dataset.key = key;
    return button;
  }

  target(view) {
    const now = this.world.snapshot.stamp_ns;
    const seen = h(
      "div",
      { className: "links" },
      ...view.sources.map((name) => this.button(`drone ${name}`, name, () => this.pick("drone", name))),
    );
    return [
      this.head(label(view.class_name), `Target ${view.id}`, palette.heat(view.score)),
      facts([
        ["Score", h("span", { className: "meter" }, scoreBar(view.score), view.score.toFixed(3))],
        ["Seen by", seen],
        [
          "Sightings",
          `${number(view.sightings)}${view.sightings > 1 ? `, ${plural(view.sightings - 1, "duplicate")} folded in` : ""}`,
        ],
        ...this.place(view),
        ["First seen", `${timeOfDay(view.first_seen_ns)} · ${ago(now, view.first_seen_ns)}`],
        ["Last seen", `${timeOfDay(view.last_seen_ns)} · ${ago(now, view.last_seen_ns)}`],
      ]),
    ];
  }

  drone({ view, index, rates, latencies }) {
    const model = [view.model_name, view.model_version].filter(Boolean).join(" ");
    const unaccounted = view.received - view.processed - view.dropped;
    const frames = `${number(view.received)} = ${number(view.processed)} processed + ${number(view.dropped)} dropped`;
    return [
      this.head(
        view.name,
        [stateWord(view.state), view.restarts ? `restarted ${view.restarts} ×` : ""]
          .filter(Boolean)
          .join(" · "),
        palette.drone(index),
      ),
      h(
        "div",
        { className: "sparks" },
        h(
          "figure",
          {},
          sparkline(rates),
          h("figcaption", {}, h("b", {}, number(view.frame_rate_hz, 1)), " frames/s"),
        ),
        h(
          "figure",
          {},
          sparkline(latencies),
          h("figcaption", {}, h("b", {}, ms(view.sighting_ms)), " ms to sighting"),
        ),
      ),
      facts([
        ["Model", model || "none yet"],
        ["Inference", known(view.infer_ms) ? `${ms(view.infer_ms)} ms` : "–"],
        ["Frames", frames + (unaccounted > 0 ? ` + ${unaccounted} at work` : "")],
        ["Sightings", `${number(view.published)} published, ${number(view.suppressed)} kept back`],
        ...(known(view.x) ? this.place(view) : [["Position", "no pose yet"]]),
        ["Altitude", known(view.z) ? `${number(view.z, 1)} m` : "–"],
        ["Heading", known(view.yaw_rad) ? `${number(heading(view.yaw_rad))}°` : "–"],
        ["Battery", percent(view.battery)],
        ...replica(this.world.snapshot, view.name),
        ["Runtime", view.runtime || "–"],
        ["Health", view.troubles.join("; ") || "all well"],
      ]),
    ];
  }

  place({ x, y }) {
    const rows = [["Position", `E ${number(x, 2)} m, N ${number(y, 2)} m`]];
    const { farm } = this.world;
    if (farm) rows.push(["Lat, lon", latLonText(toLatLon(farm, x, y))]);
    return rows;
  }
}

/** How the drone's coordinator stands; nothing where it has none. */
function replica(snapshot, drone) {
  const has = snapshot.coordinators.some(({ name }) => name === drone);
  return has ? [["Replica", standing(snapshot, drone) || "in step"]] : [];
}

/** Yaw (counter-clockwise from east) as a compass heading in degrees. */
function heading(yaw) {
  return (450 - (yaw * 180) / Math.PI) % 360;
}

function scoreBar(score) {
  const bar = h("i", { className: "score-bar" });
  bar.style.setProperty("--share", `${score * 100}%`);
  return bar;
}

function facts(rows) {
  return h(
    "dl",
    { className: "facts" },
    ...rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}
