// The status page: it asks for the overview every two seconds, and shows it.

import { element, say } from "./element.js";
import { clockSeconds, number, rate, span } from "./format.js";
import { showHealth } from "./health.js";
import { maxLimit, readOverview } from "./overview.js";
import { Plot } from "./plot.js";
import { Refresh } from "./refresh.js";
import { makeSections, showMapping, showReports } from "./sections.js";
import { showName, showText, visible } from "./text.js";

const byId = (id) => document.getElementById(id);

let latest = null; // the overview that is shown
let advanced = true; // whether it is another than the one before
let limit = 100;
let plotted = null; // the name of the event that is plotted alone

// The plot's heading, and the way back from one event to all.
const plotName = element("span");
const plotRate = element("b");
const plotAll = element("button", { type: "button", hidden: true }, "All events");
plotAll.addEventListener("click", () => plotOnly(null));
byId("plot").append(element("p", { className: "plot-title" }, plotRate, " events/s ", plotName, " ", plotAll));
const plot = new Plot(byId("plot"));

const sections = makeSections({
  plotted: () => plotted,
  plot: (name) => plotOnly(plotted === name ? null : name),
  more: () => {
    limit = maxLimit;
    refresh.askOnce();
  },
});

function plotOnly(name) {
  plotted = name;
  if (latest) {
    showEvents(latest);
    sections[0].update(latest);
  }
}

// showEvents shows the plot of all events, or of those of one name.
function showEvents(o) {
  const one = plotted === null ? null : o.events.names.find((n) => n.name === plotted);
  const { perSecond, history } = plotted === null ? o.events : (one ?? { perSecond: 0, history: [] });
  say(plotRate, rate(perSecond));
  showName(plotName, plotted ?? "of all names");
  plotAll.hidden = plotted === null;
  byId("plot").hidden = o.events.received === 0;
  const title = `Events per second, ${plotted === null ? "all names" : visible(plotted)}`;
  plot.update(title, history, o.events.slotSeconds, o.events.lastSlotSeconds, o.time);
}

// The list of sections, with the number of entries in each: null if that is not shown,
// undefined if the section is hidden.
const counts = [
  ["events", "Events", (o) => o.events.names.length],
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
  for (const { item, badge, count, level } of counts) {
    const n = count(o);
    item.hidden = n === undefined;
    say(badge, n === undefined || n === null ? "" : number(n));
    badge.className = n ? `count ${level}` : "count";
  }
}

function showHead(o) {
  const { version, revision, goVersion } = o.build;
  const parts = [version || "unknown version"];
  if (o.started !== null) {
    parts.push(`up ${span((o.time - o.started) / 1000)}`);
  }
  showText(byId("build"), parts.join(", "));
  byId("build").title = [revision, goVersion].filter(Boolean).join(", ");
}

// nextTask lets the browser do what waits: it takes input and paints.
const nextTask = () => new Promise((resolve) => setTimeout(resolve));

async function show(json) {
  const o = readOverview(json);
  for (const name of o.events.names) {
    name.slot = o.events.slotSeconds;
  }
  advanced = latest === null || o.time > latest.time;
  latest = o;
  showHead(o);
  showHealth(byId("health"), byId("health-spoken"), o);
  showContents(o);
  showEvents(o);
  showReports(byId("reports"), o);
  for (const section of sections) {
    section.update(o);
    await nextTask();
  }
  showMapping(byId("mapping").querySelector(".body"), o);
  document.body.dataset.shown = String(Number(document.body.dataset.shown ?? 0) + 1);
}

function showState({ paused, failed, since, again }) {
  const away = byId("away");
  away.hidden = failed === null;
  document.body.classList.toggle("stale", failed !== null);
  if (failed !== null) {
    const wait = again === null ? "" : ` Next try in ${span((again - Date.now()) / 1000 + 0.5)}.`;
    const news = `No answer from the server since ${clockSeconds(since)}`;
    say(away, `${news}: ${failed}.${wait}`);
    say(byId("health-spoken"), `${news}.`);
  }
  // A server that has much to look at answers the same for some seconds.
  const state = paused ? "Paused" : failed !== null ? "Last updated" : advanced ? "Updated" : "As of";
  const when = state === "As of" ? latest.time : since;
  say(byId("refreshed"), latest === null ? "" : `${state} ${clockSeconds(when)}`);
}

const refresh = new Refresh({ address: () => `api/v1/overview?limit=${limit}`, show, state: showState });

const pause = byId("pause");
pause.hidden = false;
pause.addEventListener("click", () => {
  refresh.pause(!refresh.paused);
  pause.setAttribute("aria-pressed", String(refresh.paused));
});

refresh.ask();
