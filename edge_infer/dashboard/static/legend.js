// What the marks on the map mean.

import { h } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";

const MARKS = [
  ["Target; one arc per drone that saw it", [["circle", { cx: 12, cy: 12, r: 4.5, class: "fill-heat" }], ["path", { d: "M13.500 3.700a8.500 8.500 0 0 1 0 16.600M10.500 20.300a8.500 8.500 0 0 1 0-16.600", class: "line-heat" }]]],
  ["Drone, its heading and track", [["path", { d: "M1 12h9", class: "line-drone faint" }], ["path", { d: "M22 12 9 18l3-6-3-6z", class: "fill-drone" }]]],
  ["What its camera sees", [["rect", { x: 3, y: 6, width: 18, height: 12, class: "foot" }]]],
  ["Ground seen since this page opened", [["rect", { x: 3, y: 6, width: 18, height: 12, class: "seen" }]]],
  ["Duplicate, removed into its target", [["circle", { cx: 7, cy: 15, r: 4.5, class: "line-drone dashed" }], ["path", { d: "M7 15 18 8", class: "line-drone dashed" }], ["circle", { cx: 19, cy: 7, r: 3.500, class: "fill-heat" }]]],
  ["Drone suspect or restarting", [["circle", { cx: 12, cy: 12, r: 9, class: "line-warn dashed" }], ["path", { d: "M18 12 8 16.500l2-4.500-2-4.500z", class: "fill-drone" }]]],
  ["Drone dead", [["path", { d: "m7 7 10 10M17 7 7 17", class: "line-bad" }]]],
];

function mark(shapes) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const [tag, attributes] of shapes) {
    const shape = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    svg.append(shape);
  }
  return svg;
}

export function legend() {
  return [
    h("div", { className: "ramp" }, h("span", {}, "Score"), h("span", {}, "low"), h("i"), h("span", {}, "high")),
    h("ul", {}, ...MARKS.map(([text, shapes]) => h("li", {}, mark(shapes), text))),
  ];
}
