// The health of the program in one line: what is going on, and what is wrong, with links
// to the sections that say more.

import { element, say } from "./element.js";
import { plural, rate, share, span } from "./format.js";
import { escaped, visible } from "./text.js";

// Age from which a problem is only a note, or a scrape is missed, in milliseconds.
const recent = 10 * 60 * 1000;

// Time without an event from which there is a finding, in seconds.
const quietTime = 5 * 60;

// Share of a limit from which there is a finding: the same as in the alerts.
const nearLimit = 0.8;

// The length up to which the text and the kind of a report's finding are shown, in
// characters.
const findingCharacters = 240;

// findings returns what an operator should know, the worst first. Each finding has a
// level ("bad", "warn" or "note"), the section that says more, a text, and a kind, which
// stays the same while numbers in the text change.
function findings(o) {
  const found = [];
  const add = (level, section, kind, text) => found.push({ level, section, kind, text });

  if (o.mapping?.error) {
    const [first] = o.mapping.error.split("\n");
    add("bad", "mapping", "the mapping file was not loaded", `the mapping file was not loaded: ${visible(first)}`);
  }

  for (const { level, kind, text } of o.reports.flatMap((r) => r.findings)) {
    add(level, "events", escaped(kind || text, findingCharacters), escaped(text, findingCharacters));
  }

  const full = o.families.list.filter((f) => o.families.limit > 0 && f.series >= o.families.limit);
  const close = o.families.list.filter(
    (f) => o.families.limit > 0 && f.series < o.families.limit && f.series >= nearLimit * o.families.limit,
  );
  if (full.length) {
    const verb = full.length === 1 ? "has" : "have";
    add("bad", "families", "families are full", `${plural(full.length, "family", "families")} ${verb} no room for more series`);
  }
  if (close.length) {
    const verb = close.length === 1 ? "has" : "have";
    add("warn", "families", "families are nearly full", `${plural(close.length, "family", "families")} ${verb} little room for more series`);
  }
  for (const [section, pushed, noun] of [
    ["groups", o.groups, "pushed groups"],
    ["agents", o.agents, "agents"],
  ]) {
    if (pushed?.limit > 0 && pushed.series >= nearLimit * pushed.limit) {
      const level = pushed.series >= pushed.limit ? "bad" : "warn";
      add(level, section, `${noun} near their limit`, `${noun} take ${share(pushed.series, pushed.limit)} of the series that they may`);
    }
  }

  const dropped = o.emitters.reduce((sum, e) => sum + e.dropped, 0);
  if (dropped) {
    add("warn", "emitters", "events dropped", `${plural(dropped, "event")} dropped`);
  }
  const queues = o.emitters.filter((e) => e.queueCapacity > 0 && e.queueLength >= nearLimit * e.queueCapacity);
  if (queues.length) {
    add("warn", "emitters", "queues nearly full", `${plural(queues.length, "queue")} nearly full`);
  }

  if (o.events.rejected) {
    const latest = Math.max(...o.events.rejections.map((r) => r.latest?.time ?? 0));
    const text = `${plural(o.events.rejected, "event")} rejected`;
    if (latest > 0) {
      const level = o.time - latest < recent ? "warn" : "note";
      add(level, "rejections", "events rejected", `${text}, the latest ${span((o.time - latest) / 1000)} ago`);
    } else {
      add("warn", "rejections", "events rejected", text);
    }
  }

  if (o.groups?.storageError) {
    add("bad", "groups", "pushes cannot be stored", `pushes cannot be stored: ${visible(o.groups.storageError)}`);
  }
  if (o.groups?.damagedFile) {
    const text = `the file of pushed groups was found damaged, and moved to ${visible(o.groups.damagedFile)}`;
    add("warn", "groups", "the file of groups was damaged", text);
  }

  const failed = o.groups?.list.filter((g) => g.failed !== null && g.failed > (g.pushed ?? 0));
  if (failed?.length) {
    add("warn", "groups", "pushes refused", `the latest push of ${plural(failed.length, "group")} was refused`);
  }

  const late = o.workers.list.filter((w) => isLate(w, o.workers.staleAfter));
  if (late.length) {
    add("warn", "workers", "workers silent", `${plural(late.length, "worker")} not heard of for long`);
  }

  const scrape = o.scrapes[0];
  if (scrape && scrape.status !== 200) {
    add("warn", "scrapes", "the latest scrape failed", `the latest scrape was answered ${scrape.status}`);
  } else if (scrape && scrape.time !== null && o.time - scrape.time > recent) {
    add("warn", "scrapes", "nobody scrapes", `nobody has scraped for ${span((o.time - scrape.time) / 1000)}`);
  } else if (!scrape) {
    add("note", "scrapes", "nobody scrapes yet", "nobody has scraped yet");
  }

  const quiet = secondsWithoutEvents(o.events);
  if (o.events.received && quiet >= quietTime) {
    const over = quiet > 3500; // the history has no more
    add(over ? "note" : "warn", "events", "no events", `no event for ${over ? "over an hour" : span(quiet)}`);
  }

  if (o.events.unknown) {
    const known = o.events.unknownNames.length;
    const names = o.events.unknownOther || known === 0 ? "" : ` of ${plural(known, "name")}`;
    add("note", "unknown", "events that no rule knows", `${plural(o.events.unknown, "event")}${names} that no rule knows`);
  }

  const order = ["bad", "warn", "note"];
  return found.sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}

// secondsWithoutEvents returns for how long no event has come, as far as the history
// goes back.
function secondsWithoutEvents({ history, slotSeconds, lastSlotSeconds }) {
  const slots = history.length - 1 - history.findLastIndex((rate) => rate > 0);
  return slots * slotSeconds - (slotSeconds - lastSlotSeconds);
}

// isLate reports whether three quarters of the time after which a worker is dropped have
// passed.
export function isLate(worker, staleAfter) {
  return staleAfter > 0 && worker.dropsIn < staleAfter / 4;
}

const words = { bad: "Trouble", warn: "Attention", note: "All well", good: "All well" };

// showHealth shows the health, and has screen readers read what changed in it, without
// the numbers that change all the time.
export function showHealth(place, spoken, o) {
  const found = findings(o);
  const level = found[0]?.level ?? "good";
  const series = o.families.series + (o.groups?.series ?? 0) + (o.agents?.series ?? 0);
  if (!place.links) {
    place.state = element("span", { className: "state" });
    place.sum = element("span", { className: "sum" });
    place.links = new Map();
    place.replaceChildren(place.state, place.sum);
  }
  place.parentElement.dataset.level = level;
  say(place.state, words[level]);
  const facts = `${rate(o.events.perSecond)} events/s, ${plural(o.workers.total, "worker")}, ${plural(series, "series", "series")}`;
  const quiet = o.events.rejected === 0 && o.emitters.every((e) => e.dropped === 0);
  say(place.sum, `${facts}${quiet ? "; nothing dropped or rejected" : ""}.`);

  const links = new Map();
  for (const { level, section, kind, text } of found) {
    let key = `${section} ${kind}`;
    while (links.has(key)) {
      key += "+"; // several reports can have findings of one kind
    }
    const link = place.links.get(key) ?? element("a", { href: `#${section}` });
    link.className = `finding ${level}`;
    say(link, text);
    links.set(key, link);
  }
  place.links.forEach((link, key) => links.has(key) || link.remove());
  place.links = links;
  // A link that is moved loses the focus, so none is while one of them has it.
  const held = place.contains(document.activeElement);
  let next = place.sum.nextSibling;
  for (const link of links.values()) {
    if (link === next) {
      next = next.nextSibling;
    } else if (!held || !link.isConnected) {
      place.insertBefore(link, next);
    }
  }

  const kinds = found.map((f) => f.kind).join(", ");
  say(spoken, `${words[level]}: ${kinds || "nothing dropped or rejected"}.`);
}
