// The section of the page about runs and jobs of CI systems.

import { element, setText } from "./element.js";
import { duration, number, plural, share, span } from "./format.js";
import { numberColumn, Section, showBar, timeColumn } from "./sections.js";
import { displayName, showName, showText } from "./text.js";

// The periods that the tables can show, by the names of their fields in a row.
const periods = { day: "Last day", hour: "Last hour" };

// A success rate below this is highlighted.
const lowSuccessRate = 0.8;

// The maximum number of rows that the server sends, whatever the limit.
const maxPipelines = 200;
const maxRunnerClasses = 100;

// placeText returns the system and the instance of a row.
const placeText = ({ system, instance }) => [system, instance].filter(Boolean).join(", ");

const searchText = (row) => [row.repository, row.pipeline, row.runnerClass, row.system, row.instance].join(" ");

// showPlace shows a name, with the pipeline below it, and where it is from.
function showPlace(cell, name, pipeline, place) {
  if (!cell.name) {
    cell.name = element("span");
    cell.pipeline = element("span");
    cell.place = element("span", { className: "muted" });
    cell.append(cell.name, " ", cell.pipeline, " ", cell.place);
  }
  cell.name.hidden = name === "" && pipeline !== "";
  showName(cell.name, name);
  cell.pipeline.hidden = pipeline === "";
  showName(cell.pipeline, pipeline);
  showText(cell.place, place);
}

// showLink shows a name as a link to a page, or as text if there is no page.
function showLink(target, name, url) {
  if (url === "") {
    target.link = null;
    showName(target, name);
    return;
  }
  if (!target.link) {
    target.shown = undefined;
    target.classList.remove("quoted");
    target.link = element("a", { rel: "noreferrer" }, element("bdi"));
    target.replaceChildren(target.link);
  }
  if (target.link.getAttribute("href") !== url) {
    target.link.href = url;
  }
  setText(target.link.firstChild, displayName(name));
}

const resultLevels = { success: "good", failure: "bad", error: "bad", timeout: "bad" };

// A Builds shows the section. It is hidden while there is nothing to show.
export class Builds {
  // onMore is called when the user asks for more rows.
  constructor(onMore) {
    this.panel = document.getElementById("builds");
    this.period = "day";
    this.buttons = Object.entries(periods).map(([period, title]) => {
      const button = element("button", { type: "button" }, title);
      button.addEventListener("click", () => {
        this.period = period;
        this.update(this.latest);
      });
      return { period, button };
    });
    this.periodLine = this.panel.querySelector(".period");
    this.periodLine.append(...this.buttons.map(({ button }) => button));
    this.figures = this.panel.querySelector(".figures");
    this.sections = this.makeSections(onMore);
  }

  makeSections(onMore) {
    const of = (row) => row[this.period];
    const timesOf = (what) => [
      numberColumn(`${what}, median`, (row) => of(row)[`${what.toLowerCase()}Median`], duration),
      numberColumn(`${what}, 95 %`, (row) => of(row)[`${what.toLowerCase()}P95`], duration, {
        tooltip: "The 95th percentile: of 20 times, 19 are at most this long",
      }),
    ];
    const subtitle = ({ total, forgotten }, max, noun, nouns, busiest) =>
      plural(total, noun, nouns) +
      (total > max ? `, of which the ${number(max)} with the most ${busiest} in the last day are listed` : "") +
      (forgotten ? `; ${number(forgotten)} forgotten because there were too many` : "");
    return [
      new Section("pipelines", {
        caption: "Pipelines, with the most runs first",
        isPresent: (o) => o.builds.pipelines.list.length > 0,
        list: (o) => o.builds.pipelines.list,
        total: (o) => Math.min(o.builds.pipelines.total, maxPipelines),
        subtitle: (o) => subtitle(o.builds.pipelines, maxPipelines, "pipeline", "pipelines", "runs"),
        hint: () => [],
        key: (p) => JSON.stringify([p.system, p.instance, p.repository, p.pipeline]),
        searchText,
        sortBy: 1,
        onMore,
        columns: [
          {
            title: "Pipeline",
            sort: (p) => `${p.repository} ${p.pipeline}`,
            show: (cell, p) => showPlace(cell, p.repository, p.pipeline, placeText(p)),
          },
          numberColumn("Runs", (p) => of(p).count, number, { tooltip: "Finished runs, without those that were skipped" }),
          {
            title: "Success",
            number: true,
            tooltip: "Successful runs as a share of those that succeeded, failed, ended with an error or timed out",
            sort: (p) => of(p).successRate,
            show: (cell, p) => {
              const rate = of(p).successRate;
              const text = rate === null ? "–" : share(rate, 1);
              showBar(cell, rate ?? 0, text, rate !== null && rate < lowSuccessRate ? "warn" : "");
              cell.bar.hidden = rate === null;
            },
          },
          ...timesOf("Duration"),
          ...timesOf("Queue"),
        ],
      }),

      new Section("latest-runs", {
        caption: "The latest runs that finished, newest first",
        isPresent: (o) => o.builds.latestRuns.length > 0,
        list: (o) => o.builds.latestRuns,
        subtitle: () => "",
        hint: () => [],
        key: (r) => JSON.stringify([r.time, r.system, r.instance, r.repository, r.pipeline, r.url]),
        searchText: (r) => `${searchText(r)} ${r.result}`,
        sortBy: 3,
        onMore,
        columns: [
          {
            title: "Run",
            sort: (r) => `${r.repository} ${r.pipeline}`,
            show: (cell, r) => {
              if (!cell.link) {
                cell.link = element("span");
                cell.pipeline = element("span");
                cell.append(cell.link, " ", cell.pipeline);
              }
              showLink(cell.link, r.repository || r.pipeline, r.url);
              cell.pipeline.hidden = r.repository === "" || r.pipeline === "";
              showName(cell.pipeline, r.pipeline);
            },
          },
          {
            title: "Result",
            sort: (r) => r.result,
            show: (cell, r) => {
              showText(cell, r.result);
              cell.dataset.level = resultLevels[r.result] ?? "";
            },
            className: "result",
          },
          numberColumn("Duration", (r) => r.duration, duration),
          timeColumn("Ended", (r) => r.time),
        ],
      }),

      new Section("runner-classes", {
        caption: "Classes of runners, with the most jobs first",
        isPresent: (o) => o.builds.runnerClasses.list.length > 0,
        list: (o) => o.builds.runnerClasses.list,
        total: (o) => Math.min(o.builds.runnerClasses.total, maxRunnerClasses),
        subtitle: (o) => subtitle(o.builds.runnerClasses, maxRunnerClasses, "class", "classes", "jobs"),
        hint: () => [],
        key: (c) => JSON.stringify([c.system, c.instance, c.runnerClass]),
        searchText,
        sortBy: 1,
        onMore,
        columns: [
          {
            title: "Runner class",
            sort: (c) => c.runnerClass,
            show: (cell, c) => showPlace(cell, c.runnerClass, "", placeText(c)),
          },
          numberColumn("Jobs", (c) => of(c).count, number, { tooltip: "Jobs that started" }),
          ...timesOf("Queue"),
        ],
      }),
    ];
  }

  update(o) {
    this.latest = o;
    this.panel.hidden = o.builds === null;
    if (o.builds === null) {
      return;
    }
    for (const { period, button } of this.buttons) {
      button.setAttribute("aria-pressed", String(period === this.period));
    }
    this.showFigures(o.builds);
    for (const section of this.sections) {
      section.update(o);
    }
    this.periodLine.hidden = o.builds.pipelines.list.length + o.builds.runnerClasses.list.length === 0;
  }

  // showFigures shows the numbers of active runs and jobs, and the job that has waited
  // for the longest time.
  showFigures({ runs, jobs, oldestJob }) {
    if (!this.oldest) {
      this.numbers = ["Runs executing", "Runs pending", "Runs blocked", "Jobs executing", "Jobs pending", "Jobs blocked"].map((title) => {
        const value = element("dd");
        const box = element("div", {}, element("dt", {}, title), value);
        return { box, value };
      });
      this.waited = element("b");
      this.job = element("span");
      this.jobPlace = element("span", { className: "muted" });
      this.oldest = element(
        "div",
        { className: "oldest" },
        element("dt", {}, "Oldest waiting job"),
        element("dd", {}, this.waited, " ", this.job, " ", this.jobPlace),
      );
      this.figures.replaceChildren(...this.numbers.map(({ box }) => box), this.oldest);
    }
    const values = [runs, jobs].flatMap((a) => [a.executing, a.pending, a.blocked]);
    this.numbers.forEach(({ box, value }, index) => {
      setText(value, number(values[index]));
      box.hidden = index % 3 === 2 && values[index] === 0; // few systems have blocked runs
    });
    this.oldest.hidden = oldestJob === null;
    if (oldestJob !== null) {
      setText(this.waited, span(oldestJob.waiting));
      showLink(this.job, oldestJob.job || oldestJob.pipeline || oldestJob.repository || "unknown job", oldestJob.url);
      const place = [oldestJob.repository, oldestJob.pipeline, oldestJob.runnerClass, placeText(oldestJob)];
      showText(this.jobPlace, place.filter(Boolean).join(", "));
    }
  }
}
