// The sections of the page: their tables, and the texts that they show when they are
// empty.

import { element, setAttributes, setText } from "./element.js";
import { absolute, bytes, duration, number, plural, quantity, rate, share, span } from "./format.js";
import { isLate, nearLimit } from "./health.js";
import { showSparkline } from "./plot.js";
import { ruleFor } from "./rule.js";
import { Table } from "./table.js";
import { displayName, escapeInvisible, showName, showText } from "./text.js";

// Columns. Each shows one value of a row and sorts by it.

// textColumn shows a text, which may come from a client.
const textColumn = (title, get, options = {}) => ({
  title,
  sort: get,
  show: (cell, row) => showText(cell, get(row)),
  ...options,
});

// numberColumn shows a number, or a dash for null.
export const numberColumn = (title, get, format = number, options = {}) => ({
  title,
  number: true,
  sort: get,
  show: (cell, row) => {
    const value = get(row);
    setText(cell, value === null ? "–" : format(value));
    cell.classList.toggle("zero", !value);
  },
  ...options,
});

// The time of the overview, in milliseconds since 1970. Relative times are computed with
// it, because the browser's clock may be wrong.
let now = 0;

// timeColumn shows a time relative to now, or the text ifNull for null.
export const timeColumn = (title, get, ifNull = "–") => ({
  title,
  number: true,
  sort: get,
  show: (cell, row) => {
    const ms = get(row);
    if (ms === null) {
      cell.time = null;
      setText(cell, ifNull);
      return;
    }
    if (!cell.time) {
      cell.time = element("time");
      cell.replaceChildren(cell.time);
    }
    showTime(cell.time, ms);
  },
});

// showTime shows a time, relative to now, in a time element.
function showTime(target, ms) {
  if (target.ms !== ms) {
    target.ms = ms;
    target.dateTime = new Date(ms).toISOString();
    target.title = absolute(ms);
  }
  const seconds = (now - ms) / 1000;
  setText(target, seconds < -0.5 ? `in ${span(-seconds)}` : seconds < 1 ? "now" : `${span(seconds)} ago`);
}

// labelsColumn shows the labels of a group or of an agent.
const labelsColumn = {
  title: "Labels",
  wide: true,
  sort: labelsText,
  show: (cell, { labels }) => {
    if (cell.childElementCount !== labels.length) {
      // The spaces separate the labels when a user copies them.
      cell.replaceChildren(
        ...labels.flatMap(() => [element("span", { className: "label" }, element("span"), "=", element("span")), " "]),
      );
    }
    labels.forEach(({ name, value }, index) => {
      const [nameElement, , valueElement] = cell.children[index].childNodes;
      showText(nameElement, name);
      showText(valueElement, value);
    });
    if (labels.length === 0) {
      setText(cell, "none");
    }
  },
};

function labelsText({ labels }) {
  return labels.map(({ name, value }) => `${name}=${value}`).join(" ");
}

// showCounts shows pairs of a name and a count.
function showCounts(cell, counts) {
  if (cell.childElementCount !== counts.length) {
    cell.replaceChildren(
      ...counts.flatMap(() => [element("span", { className: "label" }, element("span"), " ", element("b")), " "]),
    );
  }
  counts.forEach(([name, count], index) => {
    showText(cell.children[index].firstChild, name);
    setText(cell.children[index].lastChild, number(count));
  });
}

// showBar shows a fraction from 0 to 1 as a bar, with a text next to it.
export function showBar(cell, part, text, level) {
  if (!cell.bar) {
    cell.bar = element("span", { className: "bar", "aria-hidden": "true" }, element("span"));
    cell.barText = element("span");
    cell.append(cell.bar, cell.barText);
  }
  const width = `${Math.round(100 * Math.min(1, Math.max(0, part)))}%`;
  if (cell.bar.firstChild.style.inlineSize !== width) {
    cell.bar.firstChild.style.inlineSize = width;
  }
  cell.bar.dataset.level = level;
  setText(cell.barText, text);
}

// copy copies a snippet to the clipboard. If the browser does not allow it, as over
// plain HTTP, it selects the snippet instead.
async function copy(button, code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    setText(button, "Copied");
  } catch {
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = document.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    setText(button, "Selected: press Ctrl+C");
  }
  setTimeout(() => setText(button, "Copy"), 4000);
}

// snippet returns an element with a text and a button that copies it.
function snippet(text) {
  const code = element("code", {}, text);
  const button = element("button", { type: "button" }, "Copy");
  button.addEventListener("click", () => copy(button, code));
  return element("div", { className: "snippet" }, element("pre", { tabIndex: 0 }, code), button);
}

// A Section shows a part of the overview as a table, or a hint if the table is empty.
export class Section {
  // The options are those of Table, and also: list(o) returns the rows; total(o) returns
  // the number of all rows, if the list can be cut; hint(o) returns the nodes to show if
  // there are no rows; subtitle(o) returns the text next to the heading; isPresent(o),
  // if given, reports whether to show the section.
  constructor(id, options, container = document.getElementById(id).querySelector(".body")) {
    this.options = options;
    this.panel = document.getElementById(id);
    this.subtitle = element("span", { className: "subtitle" });
    this.panel.querySelector("h2, h3").after(this.subtitle);
    this.hint = element("div", { className: "hint" });
    this.hintText = null; // null if the hint is empty
    this.tableContainer = element("div", { id: `${id}-rows`, className: "rows" });
    container.append(this.hint, this.tableContainer);
    this.table = new Table(this.tableContainer, options);
    this.subtitle.after(this.table.filterLine);
  }

  update(o) {
    now = o.time;
    const { isPresent, list, total, hint, subtitle } = this.options;
    this.panel.hidden = isPresent ? !isPresent(o) : false;
    const rows = list(o);
    const isEmpty = rows.length === 0;
    this.tableContainer.hidden = isEmpty;
    this.panel.classList.toggle("empty", isEmpty);
    setText(this.subtitle, subtitle(o));
    this.table.update(rows, total ? total(o) : rows.length);
    if (!isEmpty) {
      this.hint.replaceChildren();
      this.hintText = null;
    } else {
      // The hint is replaced only if its text changes, so that the user's selection in
      // it stays.
      const nodes = hint(o);
      const text = nodes.map((node) => node.textContent ?? node).join("");
      if (this.hintText !== text) {
        this.hintText = text;
        this.hint.replaceChildren(...nodes);
      }
    }
  }
}

const paragraph = (...parts) => element("p", {}, ...parts);

// helpFor returns the help that the reports have for a section.
function helpFor(section, o) {
  const expand = (text) => escapeInvisible(text.replaceAll("{hostname}", location.hostname));
  return o.reports
    .flatMap((r) => r.help)
    .filter((h) => h.section === section)
    .flatMap((h) => [
      ...(h.text ? [paragraph(expand(h.text))] : []),
      ...(h.snippet ? [snippet(h.snippet.split("\n").map(expand).join("\n"))] : []),
    ]);
}

// eventsHint explains how to send events, if none have been received yet.
function eventsHint(o) {
  if (o.events.received > 0) {
    return [paragraph("No known events received yet.")];
  }
  const help = helpFor("events", o);
  return help.length ? help : [paragraph("No events received yet.")];
}

// makeSections returns the sections that have tables. The page passes functions to them:
// plotted() returns the name of the only event in the plot, or null; togglePlot(name)
// plots only this event, or all events again; onMore() requests longer lists.
export function makeSections({ plotted, togglePlot, onMore }) {
  return [
    new Section(
      "events",
      {
        caption: "Events by name",
        list: (o) => o.events.names,
        subtitle: (o) =>
          o.started === null ? "" : `${plural(o.events.received, "event")} in ${span((o.time - o.started) / 1000)}`,
        hint: eventsHint,
        key: (n) => n.name,
        searchText: (n) => n.name,
        sortBy: 2,
        onMore,
        columns: [
          {
            title: "Event",
            sort: (n) => n.name,
            show: (cell, n) => {
              if (!cell.name) {
                cell.name = element("span");
                cell.silent = element("span", { className: "tag", title: "Known, but updates no series" }, "silent");
                cell.append(cell.name, " ", cell.silent);
              }
              showName(cell.name, n.name);
              cell.silent.hidden = !n.silent;
            },
          },
          {
            title: "History",
            tooltip: "Over the same period as the plot; click to plot only this event",
            sort: (n) => n.history.reduce((sum, value) => sum + value, 0),
            number: true,
            show: (cell, n) => {
              if (!cell.button) {
                cell.button = element("button", { type: "button", className: "plot-one" });
                cell.button.addEventListener("click", () => togglePlot(cell.event));
                cell.append(cell.button);
              }
              if (cell.event !== n.name) {
                cell.event = n.name;
                cell.button.setAttribute("aria-label", `Plot ${displayName(n.name)} alone`);
              }
              setAttributes(cell.button, { "aria-pressed": plotted() === n.name });
              showSparkline(cell.button, n.history, n.slotSeconds);
            },
          },
          numberColumn("Per second", (n) => n.perSecond, rate, { tooltip: "Over the last ten seconds" }),
          numberColumn("Received", (n) => n.received, number, { tooltip: "Since the start" }),
        ],
      },
      document.getElementById("names"),
    ),

    new Section("sources", {
      caption: "CI systems that send webhooks",
      isPresent: (o) => o.sources !== null,
      // Until the first delivery, the help is more useful than the table.
      list: (o) => (o.sources?.some((s) => s.deliveries.length > 0) ? o.sources : []),
      subtitle: (o) => deliveriesSubtitle(o.sources ?? []),
      hint: (o) => {
        const help = helpFor("sources", o);
        return help.length ? help : [paragraph("No webhooks received yet.")];
      },
      key: (s) => s.name,
      searchText: (s) => `${s.name} ${s.description}`,
      sortBy: 0,
      ascending: true,
      onMore,
      columns: [
        {
          title: "CI system",
          sort: (s) => s.description,
          show: (cell, s) => {
            if (!cell.name) {
              cell.name = element("span");
              cell.path = element("span", { className: "muted", title: "Path of the webhook" });
              cell.append(cell.name, " ", cell.path);
            }
            showText(cell.name, s.description);
            showText(cell.path, s.path);
          },
        },
        {
          title: "Deliveries",
          wide: true,
          tooltip: "Since the start, by outcome",
          sort: (s) => s.deliveries.reduce((sum, d) => sum + d.count, 0),
          show: (cell, s) => showCounts(cell, s.deliveries.map((d) => [d.outcome, d.count])),
        },
        timeColumn("Latest", (s) => s.lastDelivery, "never"),
        numberColumn("Delay", (s) => s.delay, duration, {
          tooltip: "Time from the end of the latest run, job or deployment to its delivery",
        }),
        {
          title: "Latest problem",
          wide: true,
          sort: (s) => s.lastError?.time ?? 0,
          show: (cell, s) => {
            if (s.lastError === null) {
              cell.message = null;
              setText(cell, "–");
              return;
            }
            if (!cell.message) {
              cell.message = element("div");
              cell.outcome = element("span");
              cell.remote = element("span");
              cell.time = element("time");
              const source = element("div", { className: "muted" }, cell.outcome, ", from ", cell.remote, ", ", cell.time);
              cell.replaceChildren(cell.message, source);
            }
            showText(cell.message, s.lastError.message);
            showText(cell.outcome, s.lastError.outcome);
            showText(cell.remote, s.lastError.remote);
            if (s.lastError.time !== null) {
              showTime(cell.time, s.lastError.time);
            }
          },
        },
      ],
    }),

    new Section("unknown", {
      caption: "Unknown events by name",
      list: (o) => o.events.unknownNames,
      subtitle: (o) =>
        (o.events.unknown ? plural(o.events.unknown, "event") : "") +
        (o.events.unknownOther ? `, ${number(o.events.unknownOther)} with names that are not listed` : ""),
      hint: (o) => [
        paragraph(
          o.events.unknown
            ? "These events were unknown when they were received, but are known now."
            : "None. Events with unknown names, for example misspelled ones, are listed here.",
        ),
      ],
      key: (u) => u.name,
      searchText: (u) => u.name,
      sortBy: 1,
      onMore,
      columns: [
        {
          title: "Event",
          sort: (u) => u.name,
          show: (cell, u) => {
            if (!cell.name) {
              cell.name = element("span");
              cell.rule = element("details", { className: "rule" }, element("summary", {}, "add a rule"));
              cell.rule.addEventListener("toggle", () => showRule(cell));
              cell.hint = element("span", { className: "muted" });
              cell.append(cell.name, " ", cell.hint, " ", cell.rule);
            }
            cell.hint.hidden = u.hint === "";
            showText(cell.hint, u.hint);
            if (cell.event !== u.name) {
              cell.event = u.name;
              cell.rule.firstChild.setAttribute("aria-label", `Add a rule for ${displayName(u.name)}`);
              showName(cell.name, u.name);
              showRule(cell);
            }
          },
        },
        numberColumn("Count", (u) => u.count),
        timeColumn("Latest", (u) => u.last),
      ],
    }),

    new Section("rejections", {
      caption: "Rejections by reason, with the latest example of each",
      list: (o) => o.events.rejections,
      subtitle: (o) => (o.events.rejected ? plural(o.events.rejected, "event") : ""),
      hint: () => [paragraph("None. Rejected events are counted here by reason, with an example of each.")],
      key: (r) => r.reason,
      searchText: (r) => `${r.reason} ${r.latest?.event ?? ""} ${r.latest?.metric ?? ""} ${r.latest?.message ?? ""}`,
      sortBy: 1,
      onMore,
      columns: [
        textColumn("Reason", (r) => r.reason),
        numberColumn("Count", (r) => r.count),
        timeColumn("Latest", (r) => r.latest?.time ?? null),
        {
          title: "Latest example",
          wide: true,
          sort: (r) => r.latest?.message ?? "",
          show: (cell, r) => {
            if (!cell.message) {
              cell.message = element("div");
              cell.event = element("span");
              cell.metric = element("span");
              cell.source = element("div", { className: "muted" }, "event ", cell.event, ", metric ", cell.metric);
              cell.append(cell.message, cell.source);
            }
            cell.source.hidden = r.latest === null;
            showText(cell.message, r.latest?.message ?? "");
            showText(cell.event, r.latest?.event ?? "");
            showText(cell.metric, r.latest?.metric ?? "");
          },
        },
      ],
    }),

    new Section("workers", {
      caption: "Workers, with the oldest heartbeat first",
      list: (o) => o.workers.list.map((w) => ({ ...w, staleAfter: o.workers.staleAfter })),
      total: (o) => o.workers.total,
      subtitle: (o) =>
        o.workers.total
          ? `${plural(o.workers.total, "worker")}, stale after ${span(o.workers.staleAfter)} without a heartbeat`
          : "",
      hint: (o) => [
        paragraph(
          `No worker has sent a heartbeat${o.workers.staleAfter ? ` in the last ${span(o.workers.staleAfter)}` : ""}. ` +
            "By default, heartbeats are the events ",
          element("code", {}, "worker containers"),
          ", ",
          element("code", {}, "worker volumes"),
          " and ",
          element("code", {}, "worker tasks"),
          ".",
        ),
      ],
      key: (w) => w.name,
      searchText: (w) => `${w.name} ${w.platform} ${w.team} ${w.tags}`,
      sortBy: 8,
      ascending: true,
      onMore,
      columns: [
        { title: "Worker", sort: (w) => w.name, show: (cell, w) => showName(cell, w.name) },
        textColumn("Platform", (w) => w.platform),
        textColumn("Team", (w) => w.team),
        textColumn("Tags", (w) => w.tags),
        numberColumn("Containers", (w) => w.containers, quantity),
        numberColumn("Volumes", (w) => w.volumes, quantity),
        numberColumn("Tasks", (w) => w.tasks, quantity),
        timeColumn("Last heartbeat", (w) => w.lastHeartbeat),
        {
          title: "Expires",
          number: true,
          tooltip: "When the worker's series are removed if no heartbeat arrives",
          sort: (w) => w.dropsIn,
          show: (cell, w) => {
            const text = w.dropsIn > 0 ? `in ${span(w.dropsIn)}` : "at the next sweep";
            const level = isLate(w, w.staleAfter) ? "warn" : "";
            showBar(cell, w.staleAfter ? w.dropsIn / w.staleAfter : 1, text, level);
          },
        },
      ],
    }),

    new Section("families", {
      caption: "Metric families, with the most series first",
      list: (o) => o.families.list.map((f) => ({ ...f, limit: o.families.limit })),
      total: (o) => o.families.total,
      subtitle: (o) =>
        o.families.total
          ? `${plural(o.families.series, "series", "series")} in ${plural(o.families.total, "family", "families")}` +
            (o.families.limit ? `, at most ${number(o.families.limit)} per family` : "")
          : "",
      hint: () => [paragraph("No metric families yet.")],
      key: (f) => f.name,
      searchText: (f) => `${f.name} ${f.type} ${f.labels.map((l) => l.name).join(" ")}`,
      sortBy: 2,
      onMore,
      columns: [
        textColumn("Family", (f) => f.name),
        textColumn("Type", (f) => f.type, { className: "type" }),
        numberColumn("Series", (f) => f.series),
        {
          title: "Limit used",
          number: true,
          sort: (f) => (f.limit ? f.series / f.limit : 0),
          show: (cell, f) => {
            const part = f.limit ? f.series / f.limit : 0;
            const level = part >= 1 ? "bad" : part >= nearLimit ? "warn" : "";
            showBar(cell, part, f.limit ? share(f.series, f.limit) : "no limit", level);
          },
        },
        {
          title: "Label values",
          wide: true,
          tooltip: "Number of distinct values of each label; the first label adds the most series",
          sort: (f) => f.labels[0]?.values ?? 0,
          show: (cell, f) => showCounts(cell, f.labels.map(({ name, values }) => [name, values])),
        },
        numberColumn("Rejected", (f) => f.refused, number, {
          tooltip: "Updates for new label sets after the family had reached the limit",
          warn: (f) => f.refused > 0,
        }),
      ],
    }),

    new Section("groups", {
      caption: "Pushed groups of metrics",
      isPresent: (o) => o.groups !== null,
      list: (o) => o.groups?.list ?? [],
      total: (o) => o.groups?.total ?? 0,
      subtitle: (o) => pushedSubtitle(o.groups, "group"),
      hint: (o) => [paragraph("There are no pushed groups."), ...helpFor("groups", o)],
      key: labelsText,
      searchText: labelsText,
      sortBy: 2,
      onMore,
      columns: [
        labelsColumn,
        numberColumn("Series", (g) => g.series),
        timeColumn("Pushed", (g) => g.pushed, "never"),
        {
          ...timeColumn("Rejected", (g) => g.failed),
          warn: (g) => g.failed !== null && g.failed > (g.pushed ?? 0),
        },
        timeColumn("Expires", (g) => g.expires, "never"),
      ],
    }),

    new Section("agents", {
      caption: "Agents that push metrics",
      isPresent: (o) => o.agents !== null,
      list: (o) => o.agents?.list ?? [],
      total: (o) => o.agents?.total ?? 0,
      subtitle: (o) => pushedSubtitle(o.agents, "agent"),
      hint: (o) => [paragraph("No agent has pushed metrics recently."), ...helpFor("agents", o)],
      key: labelsText,
      searchText: labelsText,
      sortBy: 2,
      onMore,
      columns: [
        labelsColumn,
        numberColumn("Series", (a) => a.series),
        timeColumn("Pushed", (a) => a.updated),
        timeColumn("Expires", (a) => a.expires),
      ],
    }),

    new Section("scrapes", {
      caption: "The latest scrapes, newest first",
      list: (o) => o.scrapes,
      subtitle: () => "",
      hint: () => [
        paragraph("No scrapes yet. To scrape Signalbox, add this to your Prometheus configuration:"),
        snippet(`scrape_configs:
- job_name: signalbox
  honor_labels: true
  static_configs: [{targets: [${JSON.stringify(location.host)}]}]
`),
      ],
      key: (s) => `${s.time} ${s.remote}`,
      searchText: (s) => `${s.remote} ${s.userAgent} ${s.format} ${s.status}`,
      sortBy: 0,
      onMore,
      columns: [
        timeColumn("Time", (s) => s.time),
        numberColumn("Duration", (s) => s.duration, duration),
        numberColumn("Size", (s) => s.bytes, bytes, { tooltip: "After compression" }),
        textColumn("Format", (s) => s.format + (s.encoding && `, ${s.encoding}`)),
        {
          title: "Status",
          number: true,
          sort: (s) => s.status,
          show: (cell, s) => {
            setText(cell, s.aborted ? `${s.status}, aborted` : String(s.status));
          },
          warn: (s) => s.status !== 200 || s.aborted,
        },
        {
          title: "Client",
          wide: true,
          sort: (s) => s.remote,
          show: (cell, s) => {
            if (!cell.remote) {
              cell.remote = element("span");
              cell.agent = element("span", { className: "muted" });
              cell.append(cell.remote, " ", cell.agent);
            }
            showText(cell.remote, s.remote);
            showText(cell.agent, s.userAgent);
          },
        },
      ],
    }),

    new Section("emitters", {
      caption: "Emitters and their queues",
      list: (o) => o.emitters,
      subtitle: () => "",
      hint: () => [paragraph("No emitters.")],
      key: (e) => e.name,
      searchText: (e) => e.name,
      sortBy: 0,
      ascending: true,
      onMore,
      columns: [
        textColumn("Emitter", (e) => e.name),
        {
          title: "Queue",
          number: true,
          sort: (e) => (e.queueCapacity ? e.queueLength / e.queueCapacity : 0),
          show: (cell, e) => {
            const part = e.queueCapacity ? e.queueLength / e.queueCapacity : 0;
            const text = e.queueCapacity ? `${number(e.queueLength)} of ${number(e.queueCapacity)}` : "none";
            showBar(cell, part, text, part >= nearLimit ? "warn" : "");
            cell.bar.hidden = !e.queueCapacity;
          },
        },
        numberColumn("Dropped", (e) => e.dropped, number, { warn: (e) => e.dropped > 0 }),
      ],
    }),

    new Section("settings", {
      caption: "Settings and their values",
      list: (o) => o.settings,
      subtitle: (o) => (o.settings.length ? plural(o.settings.length, "setting") : ""),
      hint: () => [paragraph("None. The program that embeds Signalbox reports no settings.")],
      key: (s) => s.name,
      searchText: (s) => `${s.name} ${s.value}`,
      sortBy: 0,
      ascending: true,
      onMore,
      columns: [textColumn("Name", (s) => s.name), textColumn("Value", (s) => s.value, { wide: true })],
    }),
  ];
}

// pushedSubtitle summarizes the pushed groups, or the agents.
function pushedSubtitle(pushed, noun) {
  if (!pushed?.total) {
    return "";
  }
  const limitUsed = pushed.limit ? `, ${share(pushed.series, pushed.limit)} of the limit` : "";
  return `${plural(pushed.total, noun)}, ${plural(pushed.series, "series", "series")}${limitUsed}`;
}

// deliveriesSubtitle summarizes the deliveries of all sources.
function deliveriesSubtitle(sources) {
  const total = sources.flatMap((s) => s.deliveries).reduce((sum, d) => sum + d.count, 0);
  return total ? plural(total, "delivery", "deliveries") : "";
}

// showRule shows the rule for an unknown event when the user opens it.
function showRule(cell) {
  if (!cell.rule.open || cell.rule.event === cell.event) {
    return;
  }
  cell.rule.event = cell.event;
  cell.rule.replaceChildren(
    cell.rule.firstChild,
    paragraph("Add a rule like this to the mapping file (", element("code", {}, "--mapping-file"), "):"),
    snippet(ruleFor(cell.event)),
  );
}

// showMappingErrors shows the errors in the mapping file, each in an element of its own.
function showMappingErrors(target, text) {
  if (target.errors === text) {
    return;
  }
  target.errors = text;
  target.failure.querySelectorAll(".bad").forEach((error) => error.remove());
  for (const line of text.split("\n").filter((line) => line !== "")) {
    const error = element("dd", { className: "bad" });
    showText(error, line);
    // Long errors are open, because the end of an error says what is wrong.
    error.querySelectorAll("details").forEach((long) => (long.open = true));
    target.failure.append(error);
  }
}

// The length to which the line of a report is cut, in characters.
const maxLineLength = 500;

// showReports shows the lines of the reports, one below the other.
export function showReports(target, { reports }) {
  const lines = reports.map((r) => r.line).filter((line) => line !== "");
  target.hidden = lines.length === 0;
  while (target.children.length > lines.length) {
    target.lastChild.remove();
  }
  lines.forEach((line, index) => {
    if (index === target.children.length) {
      target.append(element("p"));
    }
    setText(target.children[index], escapeInvisible(line, maxLineLength));
  });
}

// showMapping shows the state of the mapping file.
export function showMapping(target, o) {
  now = o.time;
  const { mapping } = o;
  target.closest("section").classList.toggle("empty", mapping === null);
  if (mapping === null) {
    if (target.content !== "none") {
      target.content = "none";
      target.replaceChildren(
        paragraph(
          "None. The built-in rules are in use. Add rules with ",
          element("code", {}, "--mapping-file"),
          "; ",
          element("code", {}, "signalbox catalog --format yaml"),
          " prints the built-in rules.",
        ),
      );
    }
    return;
  }
  if (target.content !== "file") {
    target.content = "file";
    target.file = element("dd");
    target.loaded = element("time");
    target.failed = element("time");
    target.failure = element("div", {}, element("dt", {}, "Reload failed"), element("dd", {}, target.failed));
    target.replaceChildren(
      element(
        "dl",
        {},
        element("div", {}, element("dt", {}, "File"), target.file),
        element("div", {}, element("dt", {}, "Loaded"), element("dd", {}, target.loaded)),
        target.failure,
      ),
    );
  }
  showText(target.file, mapping.file);
  if (mapping.loadedAt !== null) {
    showTime(target.loaded, mapping.loadedAt);
  }
  target.failure.hidden = mapping.error === "";
  showMappingErrors(target, mapping.error);
  if (mapping.failedAt !== null) {
    showTime(target.failed, mapping.failedAt);
  }
}
