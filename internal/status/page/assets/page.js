// The status page: requests the overview every two seconds and shows it.

import { Builds } from "./builds.js";
import { element, setText } from "./element.js";
import { clockSeconds, number, rate, span } from "./format.js";
import { showHealth } from "./health.js";
import { maxLimit, readOverview } from "./overview.js";
import { Plot } from "./plot.js";
import { Refresh } from "./refresh.js";
import { makeSections, showMapping, showReports } from "./sections.js";
import { displayName, showName, showText } from "./text.js";

const byId = (id) => document.getElementById(id);

let latest = null; // the latest overview
let isNew = true; // whether the latest overview differs from the previous one
let limit = 100;
let plotted = null; // the name of the only event in the plot; null if the plot has all events

// The plot's heading, with a button that returns from one event to all events.
const plotName = element("span");
const plotRate = element("b");
const plotAll = element("button", { type: "button", hidden: true }, "Show all events");
plotAll.addEventListener("click", () => plotOnly(null));
byId("plot").append(element("p", { className: "plot-title" }, plotRate, " events/s ", plotName, " ", plotAll));
const plot = new Plot(byId("plot"));

const onMore = () => {
  limit = maxLimit;
  refresh.refreshNow();
};
const builds = new Builds(onMore);
const sections = makeSections({
  plotted: () => plotted,
  togglePlot: (name) => plotOnly(plotted === name ? null : name),
  onMore,
});

function plotOnly(name) {
  plotted = name;
  if (latest) {
    showEvents(latest);
    sections[0].update(latest);
  }
}

// showEvents shows the plot of all events, or of the events with one name.
function showEvents(o) {
  const one = plotted === null ? null : o.events.names.find((n) => n.name === plotted);
  const { perSecond, history } = plotted === null ? o.events : (one ?? { perSecond: 0, history: [] });
  setText(plotRate, rate(perSecond));
  showName(plotName, plotted ?? "in total");
  plotAll.hidden = plotted === null;
  byId("plot").hidden = o.events.received === 0;
  const title = `Events per second, ${plotted === null ? "total" : displayName(plotted)}`;
  plot.update(title, history, o.events.slotSeconds, o.events.lastSlotSeconds, o.time);
}

// The links to the sections. Each can show a number of events or of entries: null if it
// shows none, undefined if the section is hidden.
const contents = [
  ["builds", "Builds", (o) => (o.builds === null ? undefined : null)],
  ["events", "Events", (o) => o.events.names.length],
  ["sources", "Sources", (o) => o.sources?.length],
  ["unknown", "Unknown", (o) => o.events.unknown, "note"],
  ["rejections", "Rejected", (o) => o.events.rejected, "warn"],
  ["workers", "Workers", (o) => o.workers.total],
  ["families", "Families", (o) => o.families.total],
  ["groups", "Groups", (o) => o.groups?.total],
  ["agents", "Agents", (o) => o.agents?.total],
  ["scrapes", "Scrapes", () => null],
  ["emitters", "Emitters", () => null],
  ["mapping", "Mapping", () => null],
  ["settings", "Settings", () => null],
].map(([id, title, count, level = ""]) => {
  const badge = element("span", { className: "count" });
  const item = element("li", {}, element("a", { href: `#${id}` }, title, " ", badge));
  byId("contents").append(item);
  return { item, badge, count, level };
});

function showContents(o) {
  for (const { item, badge, count, level } of contents) {
    const n = count(o);
    item.hidden = n === undefined;
    setText(badge, n === undefined || n === null ? "" : number(n));
    badge.className = n ? `count ${level}` : "count";
  }
}

function showBuild(o) {
  const { version, revision, goVersion } = o.build;
  const parts = [version || "unknown version"];
  if (o.started !== null) {
    parts.push(`up ${span((o.time - o.started) / 1000)}`);
  }
  showText(byId("build"), parts.join(", "));
  byId("build").title = [revision, goVersion].filter(Boolean).join(", ");
}

// yieldToBrowser lets the browser handle input and paint.
const yieldToBrowser = () => new Promise((resolve) => setTimeout(resolve));

async function show(json) {
  const o = readOverview(json);
  for (const name of o.events.names) {
    name.slotSeconds = o.events.slotSeconds;
  }
  isNew = latest === null || o.time > latest.time;
  latest = o;
  showBuild(o);
  showHealth(byId("health"), byId("health-spoken"), o);
  showContents(o);
  builds.update(o);
  await yieldToBrowser();
  showEvents(o);
  showReports(byId("reports"), o);
  for (const section of sections) {
    section.update(o);
    await yieldToBrowser();
  }
  showMapping(byId("mapping").querySelector(".body"), o);
  document.body.dataset.shown = String(Number(document.body.dataset.shown ?? 0) + 1);
}

function onState({ paused, error, since, retryAt }) {
  const outage = byId("outage");
  outage.hidden = error === null;
  document.body.classList.toggle("stale", error !== null);
  if (error !== null) {
    const retry = retryAt === null ? "" : ` Retrying in ${span((retryAt - Date.now()) / 1000 + 0.5)}.`;
    const summary = `No update since ${clockSeconds(since)}`;
    setText(outage, `${summary}: ${error}.${retry}`);
    setText(byId("health-spoken"), `${summary}.`);
  }
  // If collecting an overview takes long, the server reuses it for a few seconds.
  const state = paused ? "Paused" : error !== null ? "Last updated" : isNew ? "Updated" : "As of";
  const time = state === "As of" ? latest.time : since;
  setText(byId("refreshed"), latest === null ? "" : `${state} ${clockSeconds(time)}`);
}

const refresh = new Refresh({ url: () => `api/v1/overview?limit=${limit}`, show, onState });

const pause = byId("pause");
pause.hidden = false;
pause.addEventListener("click", () => {
  refresh.pause(!refresh.paused);
  pause.setAttribute("aria-pressed", String(refresh.paused));
});

refresh.start();
