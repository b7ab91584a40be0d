// Ties the stream to the world, the map and the lists, and says in which state the page is.

import { Activity } from "./activity.js";
import { showCounters, summary } from "./counters.js";
import { DetailCard } from "./detail.js";
import { byId, h, setText } from "./dom.js";
import { Focus } from "./focus.js";
import { clock, plural, timeOfDay } from "./format.js";
import { DroneList, TargetList } from "./lists.js";
import { MapView } from "./map.js";
import { palette } from "./palette.js";
import { Stream } from "./stream.js";
import { World } from "./world.js";

const LISTS_EVERY_MS = 250;
const STALE_MS = 4000;

const world = new World();
const focus = new Focus();
const map = new MapView(byId("canvas"), world, focus, pick, insets);
const activity = new Activity(byId("activity"));
const drones = new DroneList(pick);
const targets = new TargetList(pick, showLists);
const detail = new DetailCard(byId("detail"), world, pick);
const connection = { open: false, retryAt: 0, heardAt: 0 };
let summaryDismissed = false;
let listsDue = 0;
let listsLater = null;

// --- what the user does ---------------------------------------------------------

function pick(kind, id) {
  const again = focus.is(kind, id);
  focus.select(again ? null : kind, again ? null : id);
  showLists();
  map.viewport.following = !again;
  follow();
}

/** Keeps what is selected in sight, until the user moves the map. */
function follow() {
  const { kind, id } = focus;
  const place = kind === "drone" ? world.drones.get(id)?.to : world.targets.get(id)?.view;
  if (map.viewport.following && place) map.viewport.reveal(place.x, place.y, insetsWithCard());
}

/** What lies over the edges of the map, in pixels: left, top, right, bottom. */
function insets() {
  const wide = matchMedia("(min-width: 900px)").matches;
  return wide ? [40, 48, 72, 36] : [28, 52, 28, 72];
}

/** The same with the card of details, which lies to the right or, on a phone, at the bottom. */
function insetsWithCard() {
  const [left, top, right, bottom] = insets();
  const place = byId("canvas").getBoundingClientRect();
  const card = byId("detail").getBoundingClientRect();
  if (card.width >= place.width) return [left, top, right, Math.max(bottom, place.bottom - card.top + 20)];
  return [left, top, card.width ? place.right - card.left + 20 : right, bottom];
}

function setTab(tab) {
  document.body.dataset.tab = tab;
  for (const button of byId("tabs").children) button.setAttribute("aria-pressed", button.dataset.tab === tab);
}

byId("zoom-in").onclick = () => map.viewport.zoom(1.5);
byId("zoom-out").onclick = () => map.viewport.zoom(1 / 1.5);
byId("zoom-fit").onclick = () => map.showAll();
byId("legend-toggle").onclick = () => {
  const open = byId("legend").classList.toggle("open");
  byId("legend-toggle").setAttribute("aria-expanded", open);
};
byId("tabs").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) setTab(button.dataset.tab);
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && focus.kind) pick(focus.kind, focus.id);
});
palette.onchange = showLists;

// --- what the swarm says -----------------------------------------------------------

function onSnapshot(snapshot) {
  const now = performance.now();
  connection.heardAt = now;
  if (!snapshot.finished) summaryDismissed = false;
  const events = world.update(snapshot, now);
  activity.add(events);
  map.updated();
  follow();
  listsLater ??= setTimeout(showListsNow, Math.max(0, listsDue - now));
  showState();
}

/** The newest is shown in the end, also when nothing follows it. */
function showListsNow() {
  listsLater = null;
  listsDue = performance.now() + LISTS_EVERY_MS;
  showLists();
}

function showLists() {
  const { snapshot } = world;
  if (!snapshot) return;
  showCounters(byId("counters"), snapshot);
  drones.show(snapshot, focus);
  targets.show({ ...snapshot, targets: [...snapshot.targets] }, focus);
  detail.show(focus);
  const parts = [
    snapshot.topology,
    plural(snapshot.drones.length, "drone"),
    snapshot.seed === null ? "" : `seed ${snapshot.seed}`,
  ];
  setText(byId("run"), parts.filter(Boolean).join(" · "));
}

// --- in which state the page is ------------------------------------------------------

function stateNow() {
  const { snapshot } = world;
  if (snapshot?.finished) return "ended";
  if (!connection.open) return connection.retryAt ? "lost" : "connecting";
  if (!snapshot?.drones.length) return "waiting";
  return performance.now() - connection.heardAt > STALE_MS ? "stale" : "live";
}

const seconds = (ms) => Math.max(0, Math.ceil(ms / 1000));

const STATUS = {
  connecting: "Connecting…",
  waiting: "Waiting",
  live: "Live",
  stale: "No news",
  lost: "Connection lost",
  ended: "Finished",
};

/** How long it has been so; apart from the status, which is read aloud when it changes. */
const SINCE = {
  live: () => clock(world.snapshot.elapsed_s),
  stale: () => `for ${seconds(performance.now() - connection.heardAt)} s`,
  ended: () => clock(world.snapshot.elapsed_s),
};

const NOTICES = {
  connecting: () => [h("i", { className: "radar" }), h("h2", {}, "Connecting to the swarm…")],
  waiting: () => [
    h("i", { className: "radar" }),
    h("h2", {}, "Waiting for the first drone…"),
    h("p", {}, "It appears here as soon as its first heartbeat arrives."),
  ],
  lost: () => [h("h2", {}, "Connection lost"), h("p", { id: "retry" }), ...lastNews()],
  ended: () =>
    summaryDismissed
      ? []
      : summary(world.snapshot, () => {
          summaryDismissed = true;
          showNotice("ended");
        }),
};

function lastNews() {
  return world.snapshot
    ? [h("p", {}, `The map shows the swarm at ${timeOfDay(world.snapshot.stamp_ns)}.`)]
    : [];
}

function showNotice(state) {
  const content = NOTICES[state]?.() ?? [];
  byId("notice").replaceChildren(...content);
  byId("notice").hidden = content.length === 0;
}

function showState() {
  const state = stateNow();
  if (document.body.dataset.state !== state || !byId("notice").dataset.ready) {
    document.body.dataset.state = state;
    byId("notice").dataset.ready = "yes";
    showNotice(state);
  }
  setText(byId("status"), STATUS[state]);
  setText(byId("since"), SINCE[state]?.() ?? "");
  if (state === "lost")
    setText(byId("retry"), `Trying again in ${seconds(connection.retryAt - performance.now())} s`);
}

setInterval(showState, 500);
showState();

new Stream("/events", {
  open: () => {
    connection.open = true;
    showState();
  },
  farm: (farm) => {
    world.setFarm(farm);
    map.updated();
  },
  snapshot: onSnapshot,
  lost: (retryAt) => {
    Object.assign(connection, { open: false, retryAt });
    showState();
  },
}).connect();
