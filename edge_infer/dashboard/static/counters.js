// The row of figures at the top, and the summary when the run is over.

import { agreement } from "./agreement.js";
import { h, setText, syncList } from "./dom.js";
import { clock, known, ms, number, percent, plural } from "./format.js";
import { rollout } from "./rollout.js";

const sum = (drones, field) => drones.reduce((total, drone) => total + (drone[field] ?? 0), 0);

/** [{id, name, value, note, tone?}] of a snapshot. */
export function figures(snapshot) {
  const { drones, truth, frame_to_target_ms: latency } = snapshot;
  const rows = [
    {
      id: "targets",
      name: "Targets",
      value: number(snapshot.targets.length),
      note: plural(sum(snapshot.targets, "sightings"), "sighting"),
    },
    {
      id: "duplicates",
      name: "Duplicates removed",
      value: number(snapshot.duplicates_removed),
      note: `${number(sum(drones, "suppressed"))} kept back`,
    },
    {
      id: "frames",
      name: "Frames",
      value: number(sum(drones, "processed")),
      note: `${number(sum(drones, "frame_rate_hz"), 1)} per second`,
    },
    {
      id: "latency",
      name: "Frame to target",
      value: ms(latency?.p50),
      unit: latency ? "ms" : "",
      note: latency ? `p99 ${ms(latency.p99)} ms` : "between drones",
    },
    { name: "Replicas", ...agreement(snapshot), id: "replicas" },
  ];
  if (truth) rows.push(accuracy(truth));
  const update = rollout(snapshot);
  if (update) rows.push({ name: "New model", ...update, id: "rollout" });
  return rows;
}

function accuracy({ precision, recall, missed, false: wrong }) {
  return {
    id: "truth",
    name: "Precision / recall",
    value: `${known(precision) ? precision.toFixed(2) : "–"} / ${known(recall) ? recall.toFixed(2) : "–"}`,
    note: `${number(missed)} missed, ${number(wrong)} false`,
  };
}

export function showCounters(list, snapshot) {
  syncList(
    list,
    figures(snapshot),
    (row) => row.id,
    () => h("div", {}, h("dt"), h("dd"), h("dd", { className: "note" })),
    (cell, row) => {
      const [name, value, note] = cell.children;
      cell.dataset.tone = row.tone ?? "";
      setText(name, row.name);
      if (value.dataset.text !== `${row.value} ${row.unit}`) {
        value.dataset.text = `${row.value} ${row.unit}`;
        value.replaceChildren(row.value, ...(row.unit ? [h("small", {}, ` ${row.unit}`)] : []));
      }
      setText(note, row.note);
    },
  );
}

/** The card that closes a run; `dismiss` shows the map again. */
export function summary(snapshot, dismiss) {
  const { drones, truth } = snapshot;
  const lines = [
    ["Duration", clock(snapshot.elapsed_s)],
    ["Drones", number(drones.length)],
    ["Frames processed", `${number(sum(drones, "processed"))} of ${number(sum(drones, "received"))}`],
    ["Targets", number(snapshot.targets.length)],
    ["Duplicates removed", number(snapshot.duplicates_removed)],
    ["Replicas", agreement(snapshot).value],
  ];
  const latency = snapshot.frame_to_target_ms;
  if (latency) lines.push(["Frame to target, p50 / p99", `${ms(latency.p50)} / ${ms(latency.p99)} ms`]);
  if (truth) {
    lines.push(["Faults found", `${number(truth.found)} of ${number(truth.faults_in_view)}`]);
    lines.push(["Precision / recall", `${percent(truth.precision, 1)} / ${percent(truth.recall, 1)}`]);
  }
  const rows = lines.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  return [
    h("h2", {}, "Run finished"),
    h("dl", { className: "facts" }, ...rows),
    h("button", { type: "button", className: "primary", onclick: dismiss }, "Explore the map"),
  ];
}
