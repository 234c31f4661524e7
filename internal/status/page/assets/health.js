// Shows the health of the program: its state, a few numbers, and findings with links to
// the sections that explain them.

import { element, setText } from "./element.js";
import { plural, rate, share, span } from "./format.js";
import { displayName, escapeInvisible } from "./text.js";

// If the latest rejection is older than this, it is only a note. If the latest scrape is
// older than this, it is a warning. In milliseconds.
const recent = 10 * 60 * 1000;

// If no event arrives for this time, it is a finding. In seconds.
const quietTime = 5 * 60;

// If this share of a limit is reached, it is a finding. The bars and the alerts use the
// same share.
export const nearLimit = 0.8;

// The length to which texts and kinds of findings in reports are cut, in characters.
const maxFindingLength = 240;

// findings returns what an operator should know, the worst first. Each finding has a
// level ("bad", "warn" or "note"), the section that explains it, a text, and a kind,
// which stays the same when numbers in the text change.
function findings(o) {
  const found = [];
  const add = (level, section, kind, text) => found.push({ level, section, kind, text });

  if (o.mapping?.error) {
    const [first] = o.mapping.error.split("\n");
    const kind = "reloading the mapping file failed";
    add("bad", "mapping", kind, `${kind}: ${displayName(first)}`);
  }

  for (const { level, kind, text, section } of o.reports.flatMap((r) => r.findings)) {
    add(level, section, escapeInvisible(kind || text, maxFindingLength), escapeInvisible(text, maxFindingLength));
  }

  const full = o.families.list.filter((f) => o.families.limit > 0 && f.series >= o.families.limit);
  const almostFull = o.families.list.filter(
    (f) => o.families.limit > 0 && f.series < o.families.limit && f.series >= nearLimit * o.families.limit,
  );
  if (full.length) {
    const count = plural(full.length, "family", "families");
    add("bad", "families", "families at the series limit", `${count} at the series limit`);
  }
  if (almostFull.length) {
    const count = plural(almostFull.length, "family", "families");
    add("warn", "families", "families near the series limit", `${count} near the series limit`);
  }
  for (const [section, pushed, noun] of [
    ["groups", o.groups, "pushed groups"],
    ["agents", o.agents, "agents"],
  ]) {
    if (pushed?.limit > 0 && pushed.series >= nearLimit * pushed.limit) {
      const level = pushed.series >= pushed.limit ? "bad" : "warn";
      const used = share(pushed.series, pushed.limit);
      add(level, section, `${noun} near the series limit`, `${noun} use ${used} of the series limit`);
    }
  }

  const dropped = o.emitters.reduce((sum, e) => sum + e.dropped, 0);
  if (dropped) {
    add("warn", "emitters", "events dropped", `${plural(dropped, "event")} dropped`);
  }
  const queues = o.emitters.filter((e) => e.queueCapacity > 0 && e.queueLength >= nearLimit * e.queueCapacity);
  if (queues.length) {
    add("warn", "emitters", "emitter queues almost full", `${plural(queues.length, "emitter queue")} almost full`);
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
    add("bad", "groups", "pushes cannot be stored", `pushes cannot be stored: ${displayName(o.groups.storageError)}`);
  }
  if (o.groups?.damagedFile) {
    const kind = "the storage file of pushed groups was damaged";
    add("warn", "groups", kind, `${kind} and has been moved to ${displayName(o.groups.damagedFile)}`);
  }

  const failed = o.groups?.list.filter((g) => g.failed !== null && g.failed > (g.pushed ?? 0));
  if (failed?.length) {
    add("warn", "groups", "pushes rejected", `${plural(failed.length, "group")} whose latest push was rejected`);
  }

  const late = o.workers.list.filter((w) => isLate(w, o.workers.staleAfter));
  if (late.length) {
    const count = plural(late.length, "worker");
    add("warn", "workers", "workers without a recent heartbeat", `${count} without a recent heartbeat`);
  }

  const scrape = o.scrapes[0];
  if (scrape && scrape.status !== 200) {
    add("warn", "scrapes", "the latest scrape failed", `the latest scrape failed with status ${scrape.status}`);
  } else if (scrape?.aborted) {
    add("warn", "scrapes", "the latest scrape was aborted", "the latest scrape was aborted, because its client did not read it");
  } else if (scrape && scrape.time !== null && o.time - scrape.time > recent) {
    add("warn", "scrapes", "no recent scrape", `no scrape for ${span((o.time - scrape.time) / 1000)}`);
  } else if (!scrape) {
    add("note", "scrapes", "no scrapes yet", "no scrapes yet");
  }

  const quiet = secondsWithoutEvents(o.events);
  if (o.events.received && quiet >= quietTime) {
    const wholeHistory = quiet > 3500; // the history has one hour
    const time = wholeHistory ? "more than an hour" : span(quiet);
    // Webhooks arrive only when something happens, so there may be none for hours.
    add(wholeHistory || o.sources !== null ? "note" : "warn", "events", "no events", `no events for ${time}`);
  }

  if (o.events.unknown) {
    const listed = o.events.unknownNames.length;
    const text =
      o.events.unknownOther || listed === 0
        ? plural(o.events.unknown, "unknown event")
        : `${plural(o.events.unknown, "event")} with ${plural(listed, "unknown name")}`;
    add("note", "unknown", "unknown events", text);
  }

  const order = ["bad", "warn", "note"];
  return found.sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}

// secondsWithoutEvents returns the time since the latest event, or the length of the
// history if it has no events.
function secondsWithoutEvents({ history, slotSeconds, lastSlotSeconds }) {
  const slots = history.length - 1 - history.findLastIndex((rate) => rate > 0);
  return slots * slotSeconds - (slotSeconds - lastSlotSeconds);
}

// isLate reports whether three quarters of the time after which a worker becomes stale
// have passed.
export function isLate(worker, staleAfter) {
  return staleAfter > 0 && worker.dropsIn < staleAfter / 4;
}

const states = { bad: "Problems", warn: "Warnings", note: "Healthy", good: "Healthy" };

// showHealth shows the health in target. In the live region, which screen readers read
// when it changes, it shows the kinds of the findings, without the numbers, which change
// all the time.
export function showHealth(target, liveRegion, o) {
  const found = findings(o);
  const level = found[0]?.level ?? "good";
  const series = o.families.series + (o.groups?.series ?? 0) + (o.agents?.series ?? 0);
  if (!target.links) {
    target.state = element("span", { className: "state" });
    target.numbers = element("span");
    target.links = new Map();
    target.replaceChildren(target.state, target.numbers);
  }
  target.parentElement.dataset.level = level;
  setText(target.state, states[level]);
  const workers = plural(o.workers.total, "worker");
  const numbers = `${rate(o.events.perSecond)} events/s, ${workers}, ${plural(series, "series", "series")}`;
  const noneLost = o.events.rejected === 0 && o.emitters.every((e) => e.dropped === 0);
  setText(target.numbers, `${numbers}${noneLost ? "; no events dropped or rejected" : ""}.`);

  const links = new Map();
  for (const { level, section, kind, text } of found) {
    let key = `${section} ${kind}`;
    while (links.has(key)) {
      key += "+"; // several reports can have findings of the same kind
    }
    const link = target.links.get(key) ?? element("a", { href: `#${section}` });
    link.className = `finding ${level}`;
    setText(link, text);
    links.set(key, link);
  }
  target.links.forEach((link, key) => links.has(key) || link.remove());
  target.links = links;
  // Moving a link takes the focus from it, so links are not moved while one has it.
  const hasFocus = target.contains(document.activeElement);
  let next = target.numbers.nextSibling;
  for (const link of links.values()) {
    if (link === next) {
      next = next.nextSibling;
    } else if (!hasFocus || !link.isConnected) {
      target.insertBefore(link, next);
    }
  }

  const kinds = found.map((f) => f.kind).join(", ");
  setText(liveRegion, `${states[level]}: ${kinds || "no events dropped or rejected"}.`);
}
