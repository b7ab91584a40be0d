// Building elements and changing only what differs.

export const byId = (id) => document.getElementById(id);

/** An element; `props` are properties, or attributes where the name has a dash or is "role". */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.includes("-") || name === "role" || name === "scope") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Text that is written only when it changed, so that selections and layout survive. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Children that follow a list: kept by key, made and removed as needed, in its order.
 * `make(item)` returns an element, `update(element, item)` fills it.
 */
export function syncList(parent, items, key, make, update) {
  const wanted = new Set(items.map((item) => String(key(item))));
  const present = new Map();
  for (const child of [...parent.children]) {
    if (wanted.has(child.dataset.key)) present.set(child.dataset.key, child);
    else child.remove();
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    const id = String(key(item));
    const child = present.get(id) ?? make(item);
    child.dataset.key = id;
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
}

/**
 * Makes the children of `parent` look like `fresh`, touching only what differs, so that a pressed
 * button, the focus and a selection of text survive. Elements with different data-key are exchanged.
 */
export function morphChildren(parent, fresh) {
  fresh.forEach((node, i) => {
    const old = parent.childNodes[i];
    if (!old) parent.append(node);
    else if (!sameKind(old, node)) old.replaceWith(node);
    else if (old.nodeType === Node.TEXT_NODE) setText(old, node.data);
    else {
      for (const { name, value } of node.attributes) {
        if (old.getAttribute(name) === value) continue;
        if (name === "style") old.style.cssText = node.style.cssText;
        else old.setAttribute(name, value);
      }
      morphChildren(old, [...node.childNodes]);
    }
  });
  while (parent.childNodes.length > fresh.length) parent.lastChild.remove();
}

function sameKind(a, b) {
  return a.nodeName === b.nodeName && a.dataset?.key === b.dataset?.key;
}

/** A small picture of a series: the last values as a line, the newest as a dot. */
export function sparkline(values, width = 120, height = 28) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("preserveAspectRatio", "xMinYMid meet");
  svg.setAttribute("class", "spark");
  svg.setAttribute("aria-hidden", "true");
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return svg;
  const top = Math.max(...known) * 1.1 || 1;
  const points = known.map((value, i) => [
    2 + (i / (known.length - 1)) * (width - 6),
    height - 2 - (value / top) * (height - 4),
  ]);
  const line = document.createElementNS(svg.namespaceURI, "polyline");
  line.setAttribute("points", points.map((p) => p.map((v) => v.toFixed(1)).join()).join(" "));
  const dot = document.createElementNS(svg.namespaceURI, "circle");
  const [x, y] = points.at(-1);
  for (const [name, value] of [
    ["cx", x],
    ["cy", y],
    ["r", 2.2],
  ])
    dot.setAttribute(name, value);
  svg.append(line, dot);
  return svg;
}
