// The sections of the page: which tables they have, and what they say when there is
// nothing to show.

import { draw, element, say } from "./element.js";
import { absolute, bytes, duration, number, plural, quantity, rate, share, span } from "./format.js";
import { isLate } from "./health.js";
import { showSpark } from "./plot.js";
import { ruleFor } from "./rule.js";
import { Table } from "./table.js";
import { escaped, showName, showText, visible } from "./text.js";

// Columns. Each shows one thing in a cell and sorts by it.

// textColumn shows what somebody sent.
const textColumn = (title, get, more = {}) => ({
  title,
  sort: get,
  show: (cell, row) => showText(cell, get(row)),
  ...more,
});

// numberColumn shows a number, and a dash for null.
const numberColumn = (title, get, format = number, more = {}) => ({
  title,
  number: true,
  sort: get,
  show: (cell, row) => {
    const value = get(row);
    say(cell, value === null ? "–" : format(value));
    cell.classList.toggle("zero", !value);
  },
  ...more,
});

// The moment of the overview that is shown, in milliseconds since 1970: how long ago
// something was is told by the server's clock.
let now = 0;

// timeColumn shows how long ago something was, or how long until it is; the text that
// stands where there is no time can depend on the row.
const timeColumn = (title, get, none = () => "–", more = {}) => ({
  title,
  number: true,
  sort: get,
  show: (cell, row) => {
    const ms = get(row);
    if (ms === null) {
      cell.time = null;
      say(cell, none(row));
      return;
    }
    if (!cell.time) {
      cell.time = element("time");
      cell.replaceChildren(cell.time);
    }
    showTime(cell.time, ms);
  },
  ...more,
});

// showTime shows a moment in an element that is a time.
function showTime(place, ms) {
  if (place.ms !== ms) {
    place.ms = ms;
    place.dateTime = new Date(ms).toISOString();
    place.title = absolute(ms);
  }
  const seconds = (now - ms) / 1000;
  say(place, seconds < -0.5 ? `in ${span(-seconds)}` : seconds < 1 ? "now" : `${span(seconds)} ago`);
}

// labelsColumn shows the labels of who pushed.
const labelsColumn = {
  title: "Labels",
  wide: true,
  sort: labelsText,
  show: (cell, { labels }) => {
    if (cell.childElementCount !== labels.length) {
      // The spaces are for those who copy them.
      cell.replaceChildren(
        ...labels.flatMap(() => [element("span", { className: "label" }, element("span"), "=", element("span")), " "]),
      );
    }
    labels.forEach(({ name, value }, index) => {
      const [before, , after] = cell.children[index].childNodes;
      showText(before, name);
      showText(after, value);
    });
    if (labels.length === 0) {
      say(cell, "none");
    }
  },
};

function labelsText({ labels }) {
  return labels.map(({ name, value }) => `${name}=${value}`).join(" ");
}

// showBar shows a part of 1 as a bar, with words that say the same.
function showBar(cell, part, words, level) {
  if (!cell.bar) {
    cell.bar = element("span", { className: "bar", "aria-hidden": "true" }, element("span"));
    cell.words = element("span");
    cell.append(cell.bar, cell.words);
  }
  const width = `${Math.round(100 * Math.min(1, Math.max(0, part)))}%`;
  if (cell.bar.firstChild.style.inlineSize !== width) {
    cell.bar.firstChild.style.inlineSize = width;
  }
  cell.bar.dataset.level = level;
  say(cell.words, words);
}

// copy puts a text into the clipboard. Where a browser does not let it, over plain HTTP,
// it selects the text instead.
async function copy(button, code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    say(button, "Copied");
  } catch {
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = document.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    say(button, "Selected: press Ctrl+C");
  }
  setTimeout(() => say(button, "Copy"), 4000);
}

// snippet is a text to copy.
function snippet(text) {
  const code = element("code", {}, text);
  const button = element("button", { type: "button" }, "Copy");
  button.addEventListener("click", () => copy(button, code));
  return element("div", { className: "snippet" }, element("pre", { tabIndex: 0 }, code), button);
}

// A Section shows one part of the overview: a table, or a sentence when it is empty.
class Section {
  // The options are those of Table and these: list(o) and total(o) return the rows and
  // their number, empty(o) the nodes shown when there are none, sum(o) the text beside
  // the heading. A section is hidden if it has present(o) and that returns false.
  constructor(id, options, place = document.getElementById(id).querySelector(".body")) {
    this.options = options;
    this.panel = document.getElementById(id);
    this.sum = element("span", { className: "sum" });
    this.panel.querySelector("h2").after(this.sum);
    this.hint = element("div", { className: "hint" });
    this.holder = element("div", { id: `${id}-rows`, className: "rows" });
    place.append(this.hint, this.holder);
    this.table = new Table(this.holder, options);
    this.sum.after(this.table.filterLine);
  }

  update(o) {
    now = o.time;
    const { present, list, total, empty, sum } = this.options;
    this.panel.hidden = present ? !present(o) : false;
    const rows = list(o);
    const none = rows.length === 0;
    this.holder.hidden = none;
    this.panel.classList.toggle("empty", none);
    say(this.sum, sum(o));
    this.table.update(rows, total ? total(o) : rows.length);
    if (!none) {
      this.hint.replaceChildren();
      this.hint.of = null;
    } else {
      // The hint is made anew only when it says something else, so that what is
      // selected in it stays.
      const nodes = empty(o);
      const text = nodes.map((node) => node.textContent ?? node).join("");
      if (this.hint.of !== text) {
        this.hint.of = text;
        this.hint.replaceChildren(...nodes);
      }
    }
  }
}

const sentence = (...parts) => element("p", {}, ...parts);

// helpFor returns what the reports say about how to fill a section.
function helpFor(section, o) {
  const filled = (text) => escaped(text.replaceAll("{hostname}", location.hostname));
  return o.reports
    .flatMap((r) => r.help)
    .filter((h) => h.section === section)
    .flatMap((h) => [
      ...(h.text ? [sentence(filled(h.text))] : []),
      ...(h.snippet ? [snippet(h.snippet.split("\n").map(filled).join("\n"))] : []),
    ]);
}

// eventsHint says how events get here.
function eventsHint(o) {
  const help = helpFor("events", o);
  return help.length ? help : [sentence("No event has come yet.")];
}

// makeSections makes those sections that are tables. The page has what they ask of it:
// plotted() is the name of the event that is plotted, plot(name) plots another, more()
// asks for longer lists.
export function makeSections({ plotted, plot, more }) {
  return [
    new Section(
      "events",
      {
        caption: "Events by name",
        list: (o) => o.events.names,
        sum: (o) =>
          o.started === null ? "" : `${plural(o.events.received, "event")} in ${span((o.time - o.started) / 1000)}`,
        empty: eventsHint,
        key: (n) => n.name,
        find: (n) => n.name,
        by: 2,
        more,
        columns: [
          {
            title: "Event",
            sort: (n) => n.name,
            show: (cell, n) => {
              if (!cell.name) {
                cell.name = element("span");
                cell.silent = element("span", { className: "tag", title: "It is known, and drives no series." }, "silent");
                cell.append(cell.name, " ", cell.silent);
              }
              showName(cell.name, n.name);
              cell.silent.hidden = !n.silent;
            },
          },
          {
            title: "History",
            note: "Over the time of the plot; choose one to plot it alone",
            sort: (n) => n.history.reduce((sum, value) => sum + value, 0),
            number: true,
            show: (cell, n) => {
              if (!cell.button) {
                cell.button = element("button", { type: "button", className: "plot-one" });
                cell.button.addEventListener("click", () => plot(cell.event));
                cell.append(cell.button);
              }
              if (cell.event !== n.name) {
                cell.event = n.name;
                cell.button.setAttribute("aria-label", `Plot ${visible(n.name)} alone`);
              }
              draw(cell.button, { "aria-pressed": plotted() === n.name });
              showSpark(cell.button, n.history, n.slot);
            },
          },
          numberColumn("Per second", (n) => n.perSecond, rate, { note: "Over the last ten seconds" }),
          numberColumn("Received", (n) => n.received, number, { note: "Since the start" }),
        ],
      },
      document.getElementById("names"),
    ),

    new Section("unknown", {
      caption: "Events that no rule knows, by name",
      list: (o) => o.events.unknownNames,
      sum: (o) =>
        (o.events.unknown ? plural(o.events.unknown, "event") : "") +
        (o.events.unknownOther ? `, ${number(o.events.unknownOther)} of names that are not told apart` : ""),
      empty: (o) => [
        sentence(
          o.events.unknown
            ? "Their names are not told apart: there are too many."
            : "None. An event whose name no rule knows, or that is misspelt, is counted here.",
        ),
      ],
      key: (u) => u.name,
      find: (u) => u.name,
      by: 1,
      more,
      columns: [
        {
          title: "Event",
          sort: (u) => u.name,
          show: (cell, u) => {
            if (!cell.name) {
              cell.name = element("span");
              cell.map = element("details", { className: "map" }, element("summary", {}, "map it"));
              cell.map.addEventListener("toggle", () => showRule(cell));
              cell.append(cell.name, " ", cell.map);
            }
            if (cell.event !== u.name) {
              cell.event = u.name;
              cell.map.firstChild.setAttribute("aria-label", `map it: ${visible(u.name)}`);
              showName(cell.name, u.name);
              showRule(cell);
            }
          },
        },
        numberColumn("Count", (u) => u.count),
        timeColumn("Last", (u) => u.last),
      ],
    }),

    new Section("rejections", {
      caption: "Rejections by reason, with the latest example of each",
      list: (o) => o.events.rejections,
      sum: (o) => (o.events.rejected ? plural(o.events.rejected, "event") : ""),
      empty: () => [sentence("None. An event that a rule refuses is counted here by its reason, with an example.")],
      key: (r) => r.reason,
      find: (r) => `${r.reason} ${r.latest?.event ?? ""} ${r.latest?.metric ?? ""} ${r.latest?.message ?? ""}`,
      by: 1,
      more,
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
              cell.who = element("div", { className: "muted" }, "event ", cell.event, ", metric ", cell.metric);
              cell.append(cell.message, cell.who);
            }
            cell.who.hidden = r.latest === null;
            showText(cell.message, r.latest?.message ?? "");
            showText(cell.event, r.latest?.event ?? "");
            showText(cell.metric, r.latest?.metric ?? "");
          },
        },
      ],
    }),

    new Section("workers", {
      caption: "Workers, those first that will be dropped first",
      list: (o) => o.workers.list.map((w) => ({ ...w, staleAfter: o.workers.staleAfter })),
      total: (o) => o.workers.total,
      sum: (o) =>
        o.workers.total ? `${number(o.workers.total)}, dropped when silent for ${span(o.workers.staleAfter)}` : "",
      empty: (o) => [
        sentence(
          `None was heard of${o.workers.staleAfter ? ` in the last ${span(o.workers.staleAfter)}` : ""}. ` +
            "A worker is there while its heartbeats arrive: the events ",
          element("code", {}, "worker containers"),
          ", ",
          element("code", {}, "worker volumes"),
          " and ",
          element("code", {}, "worker tasks"),
          ".",
        ),
      ],
      key: (w) => w.name,
      find: (w) => `${w.name} ${w.platform} ${w.team} ${w.tags}`,
      by: 8,
      ascending: true,
      more,
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
          title: "Dropped",
          number: true,
          note: "When its series go, unless it is heard of",
          sort: (w) => w.dropsIn,
          show: (cell, w) => {
            const words = w.dropsIn > 0 ? `in ${span(w.dropsIn)}` : "by the next sweep";
            const level = isLate(w, w.staleAfter) ? "warn" : "";
            showBar(cell, w.staleAfter ? w.dropsIn / w.staleAfter : 1, words, level);
          },
        },
      ],
    }),

    new Section("families", {
      caption: "Metric families, those with the most series first",
      list: (o) => o.families.list.map((f) => ({ ...f, limit: o.families.limit })),
      total: (o) => o.families.total,
      sum: (o) =>
        o.families.total
          ? `${plural(o.families.series, "series", "series")} in ${plural(o.families.total, "family", "families")}` +
            (o.families.limit ? `, at most ${number(o.families.limit)} in each` : "")
          : "",
      empty: () => [sentence("There is none yet.")],
      key: (f) => f.name,
      find: (f) => `${f.name} ${f.type} ${f.labels.map((l) => l.name).join(" ")}`,
      by: 2,
      more,
      columns: [
        textColumn("Family", (f) => f.name),
        textColumn("Type", (f) => f.type, { className: "type" }),
        numberColumn("Series", (f) => f.series),
        {
          title: "Of the limit",
          number: true,
          sort: (f) => (f.limit ? f.series / f.limit : 0),
          show: (cell, f) => {
            const part = f.limit ? f.series / f.limit : 0;
            const level = part >= 1 ? "bad" : part >= 0.9 ? "warn" : "";
            showBar(cell, part, f.limit ? share(f.series, f.limit) : "no limit", level);
          },
        },
        {
          title: "Values of labels",
          wide: true,
          note: "How many values each label has: the first makes the series many",
          sort: (f) => f.labels[0]?.values ?? 0,
          show: (cell, f) => {
            if (cell.childElementCount !== f.labels.length) {
              cell.replaceChildren(
                ...f.labels.flatMap(() => [
                  element("span", { className: "label" }, element("span"), " ", element("b")),
                  " ",
                ]),
              );
            }
            f.labels.forEach(({ name, values }, index) => {
              showText(cell.children[index].firstChild, name);
              say(cell.children[index].lastChild, number(values));
            });
          },
        },
        numberColumn("Refused", (f) => f.refused, number, {
          note: "Updates for which there was no room",
          wrong: (f) => f.refused > 0,
        }),
      ],
    }),

    new Section("groups", {
      caption: "Groups of metrics that jobs pushed",
      present: (o) => o.groups !== null,
      list: (o) => o.groups?.list ?? [],
      total: (o) => o.groups?.total ?? 0,
      sum: (o) => pushedSum(o.groups),
      empty: (o) => [sentence("No job has pushed yet."), ...helpFor("groups", o)],
      key: labelsText,
      find: labelsText,
      by: 2,
      more,
      columns: [
        labelsColumn,
        numberColumn("Series", (g) => g.series),
        timeColumn("Pushed", (g) => g.pushed, () => "never"),
        {
          ...timeColumn("Refused", (g) => g.failed),
          wrong: (g) => g.failed !== null && g.failed > (g.pushed ?? 0),
        },
        timeColumn("Expires", (g) => g.expires, () => "never"),
      ],
    }),

    new Section("agents", {
      caption: "Agents that push metrics",
      present: (o) => o.agents !== null,
      list: (o) => o.agents?.list ?? [],
      total: (o) => o.agents?.total ?? 0,
      sum: (o) => pushedSum(o.agents),
      empty: (o) => [sentence("No agent has pushed recently."), ...helpFor("agents", o)],
      key: labelsText,
      find: labelsText,
      by: 2,
      more,
      columns: [
        labelsColumn,
        numberColumn("Series", (a) => a.series),
        timeColumn("Pushed", (a) => a.updated),
        timeColumn("Expires", (a) => a.expires),
      ],
    }),

    new Section("scrapes", {
      caption: "The latest scrapes",
      list: (o) => o.scrapes,
      sum: () => "",
      empty: () => [
        sentence("Nobody has scraped yet. Let Prometheus do so:"),
        snippet(`scrape_configs:
- job_name: signalbox
  honor_labels: true
  static_configs: [{targets: [${JSON.stringify(location.host)}]}]
`),
      ],
      key: (s) => `${s.time} ${s.remote}`,
      find: (s) => `${s.remote} ${s.userAgent} ${s.format} ${s.status}`,
      by: 0,
      more,
      columns: [
        timeColumn("When", (s) => s.time),
        numberColumn("Took", (s) => s.duration, duration),
        numberColumn("Size", (s) => s.bytes, bytes, { note: "As sent, compressed" }),
        textColumn("Format", (s) => s.format + (s.encoding && `, ${s.encoding}`)),
        {
          title: "Status",
          number: true,
          sort: (s) => s.status,
          show: (cell, s) => {
            say(cell, String(s.status));
          },
          wrong: (s) => s.status !== 200,
        },
        {
          title: "Who",
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
      caption: "Emitters, with their queues",
      list: (o) => o.emitters,
      sum: () => "",
      empty: () => [sentence("There is none.")],
      key: (e) => e.name,
      find: (e) => e.name,
      by: 0,
      ascending: true,
      more,
      columns: [
        textColumn("Emitter", (e) => e.name),
        {
          title: "Queue",
          number: true,
          sort: (e) => (e.queueCapacity ? e.queueLength / e.queueCapacity : 0),
          show: (cell, e) => {
            const part = e.queueCapacity ? e.queueLength / e.queueCapacity : 0;
            const words = e.queueCapacity
              ? `${number(e.queueLength)} of ${number(e.queueCapacity)}`
              : "takes events at once";
            showBar(cell, part, words, part >= 0.9 ? "warn" : "");
            cell.bar.hidden = !e.queueCapacity;
          },
        },
        numberColumn("Dropped", (e) => e.dropped, number, { wrong: (e) => e.dropped > 0 }),
      ],
    }),

    new Section("settings", {
      caption: "Settings and their values",
      list: (o) => o.settings,
      sum: (o) => (o.settings.length ? plural(o.settings.length, "setting") : ""),
      empty: () => [sentence("None are known here: the program that embeds Signalbox has them.")],
      key: (s) => s.name,
      find: (s) => `${s.name} ${s.value}`,
      by: 0,
      ascending: true,
      more,
      columns: [textColumn("Name", (s) => s.name), textColumn("Value", (s) => s.value, { wide: true })],
    }),
  ];
}

function pushedSum(pushed) {
  if (!pushed?.total) {
    return "";
  }
  const of = pushed.limit ? `, ${share(pushed.series, pushed.limit)} of the limit` : "";
  return `${number(pushed.total)} with ${plural(pushed.series, "series", "series")}${of}`;
}

// showRule shows the rule for an unknown event, once somebody wants to see it.
function showRule(cell) {
  if (!cell.map.open || cell.rule === cell.event) {
    return;
  }
  cell.rule = cell.event;
  cell.map.replaceChildren(
    cell.map.firstChild,
    sentence("Put a rule like this into a file, and name it with ", element("code", {}, "--mapping-file"), ":"),
    snippet(ruleFor(cell.event)),
  );
}

// showFaults shows what is wrong with the mapping file: one fault a line.
function showFaults(place, error) {
  if (place.faults === error) {
    return;
  }
  place.faults = error;
  place.trouble.querySelectorAll(".bad").forEach((fault) => fault.remove());
  for (const line of error.split("\n").filter((line) => line !== "")) {
    const fault = element("dd", { className: "bad" });
    showText(fault, line);
    // Where it is long, what is wrong stands at its end.
    fault.querySelectorAll("details").forEach((long) => (long.open = true));
    place.trouble.append(fault);
  }
}

// The length up to which a report's line is shown, in characters.
const lineCharacters = 500;

// showReports shows the lines of the reports, one below the other.
export function showReports(place, { reports }) {
  const lines = reports.map((r) => r.line).filter((line) => line !== "");
  place.hidden = lines.length === 0;
  while (place.children.length > lines.length) {
    place.lastChild.remove();
  }
  lines.forEach((line, index) => {
    if (index === place.children.length) {
      place.append(element("p"));
    }
    say(place.children[index], escaped(line, lineCharacters));
  });
}

// showMapping shows the state of the mapping file.
export function showMapping(place, o) {
  now = o.time;
  const { mapping } = o;
  place.closest("section").classList.toggle("empty", mapping === null);
  if (mapping === null) {
    if (place.of !== "none") {
      place.of = "none";
      place.replaceChildren(
        sentence(
          "None: the built-in catalog is in force. ",
          element("code", {}, "--mapping-file"),
          " adds rules of your own; ",
          element("code", {}, "signalbox catalog --format yaml"),
          " prints those that there are.",
        ),
      );
    }
    return;
  }
  if (place.of !== "file") {
    place.of = "file";
    place.file = element("dd");
    place.loaded = element("time");
    place.failed = element("time");
    place.trouble = element("div", {}, element("dt", {}, "Not loaded"), element("dd", {}, place.failed));
    place.replaceChildren(
      element(
        "dl",
        {},
        element("div", {}, element("dt", {}, "File"), place.file),
        element("div", {}, element("dt", {}, "In force since"), element("dd", {}, place.loaded)),
        place.trouble,
      ),
    );
  }
  showText(place.file, mapping.file);
  if (mapping.loadedAt !== null) {
    showTime(place.loaded, mapping.loadedAt);
  }
  place.trouble.hidden = mapping.error === "";
  showFaults(place, mapping.error);
  if (mapping.failedAt !== null) {
    showTime(place.failed, mapping.failedAt);
  }
}
