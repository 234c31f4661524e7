// The plot of a rate over the last hour, and the small one beside a name.

import { drawing, draw, element, say } from "./element.js";
import { clock, clockSeconds, rate, span, tick } from "./format.js";

const height = 288;
const margin = { top: 12, right: 12, bottom: 24, left: 48 };

// The plot shows the shortest of these times that has all slots, in seconds.
const widths = [300, 600, 900, 1800, 3600];

// Steps between the marks on the axis of time, in seconds.
const steps = [60, 120, 300, 600, 900, 1800];

// A Plot draws a history of rates in a place that is its own. Pointer and arrow keys
// read the values; for those who see neither it is a slider that says them.
export class Plot {
  constructor(place) {
    this.place = place;
    this.data = { values: [], slot: 10, last: 10, end: 0 };
    this.at = null; // index of the slot that is read, counted from the newest

    this.grid = drawing("g", { class: "grid" });
    this.labels = drawing("g", { class: "labels" });
    this.area = drawing("path", { class: "area" });
    this.line = drawing("path", { class: "line" });
    this.cross = drawing("path", { class: "cross" });
    this.dot = drawing("circle", { class: "dot", r: 4 });
    this.svg = drawing("svg", { "aria-hidden": "true", focusable: "false", height });
    this.svg.append(this.grid, this.labels, this.area, this.line, this.cross, this.dot);
    this.readout = element("p", { className: "readout" });
    this.frame = element(
      "div",
      { className: "plot", tabIndex: 0, role: "slider", "aria-valuemin": "0", "aria-describedby": "plot-summary" },
      this.svg,
    );
    this.summary = element("p", { id: "plot-summary", className: "summary" });
    place.append(this.readout, this.frame, this.summary);

    this.frame.addEventListener("pointermove", (event) => this.point(event));
    this.frame.addEventListener("pointerdown", (event) => this.point(event));
    this.frame.addEventListener("pointerleave", () => this.read(null));
    this.frame.addEventListener("blur", () => this.read(null));
    this.frame.addEventListener("focus", () => this.read(this.at ?? 0));
    this.frame.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.frame);
  }

  // update shows values, one for each slot of so many seconds, of which the last has
  // seconds of its own and ends at a time, in milliseconds since 1970. The title says
  // whose they are.
  update(title, values, slot, last, end) {
    this.data = { values, slot, last, end };
    if (this.frame.getAttribute("aria-label") !== title) {
      this.frame.setAttribute("aria-label", title);
    }
    this.draw();
  }

  // moment is when the slot ended that lies so many slots back.
  moment(back) {
    const { slot, last, end } = this.data;
    return back <= 0 ? end : end - (last + (back - 1) * slot) * 1000;
  }

  draw() {
    const { values, slot, last, end } = this.data;
    const width = this.frame.clientWidth;
    if (width === 0 || end === 0) {
      return;
    }
    draw(this.svg, { width, viewBox: `0 0 ${width} ${height}` });
    const seconds = widthOf((values.length - 1) * slot + last);
    const step = niceStep(Math.max(0, ...values));
    const top = step * Math.max(1, Math.ceil(Math.max(0, ...values) / step));
    this.x = (ms) => width - margin.right - ((end - ms) / 1000 / seconds) * (width - margin.left - margin.right);
    this.y = (value) => height - margin.bottom - (value / top) * (height - margin.top - margin.bottom);
    this.drawAxes(width, seconds, top, step);

    // A slot is a step: a rate is that of the whole of it.
    const points = [];
    const slots = Math.min(values.length, Math.ceil(seconds / slot));
    for (let back = slots - 1; back >= 0; back--) {
      const from = Math.max(margin.left, this.x(this.moment(back + 1)));
      const y = this.y(values[values.length - 1 - back]).toFixed(1);
      points.push(`${from.toFixed(1)} ${y}`, `${this.x(this.moment(back)).toFixed(1)} ${y}`);
    }
    const line = points.length ? `M${points.join("L")}` : "";
    const bottom = height - margin.bottom;
    draw(this.line, { d: line });
    draw(this.area, { d: line && `${line}V${bottom}H${points[0].split(" ")[0]}Z` });
    this.summarize(values, slot);
    this.read(this.at);
  }

  drawAxes(width, seconds, top, valueStep) {
    const { end } = this.data;
    const lines = [];
    const texts = [];
    for (let i = 0; i <= Math.round(top / valueStep); i++) {
      const value = valueStep * i;
      const y = Math.round(this.y(value)) + 0.5;
      lines.push(`M${margin.left} ${y}H${width - margin.right}`);
      texts.push({ x: margin.left - 8, y: y + 4, "text-anchor": "end", text: tick(value) });
    }
    const room = (width - margin.left - margin.right) / 72;
    const step = (steps.find((s) => seconds / s <= room) ?? steps.at(-1)) * 1000;
    const offset = new Date(end).getTimezoneOffset() * 60000;
    const first = Math.ceil((end - offset - seconds * 1000) / step) * step + offset;
    for (let ms = first; ms <= end; ms += step) {
      const x = Math.round(this.x(ms)) + 0.5;
      lines.push(`M${x} ${height - margin.bottom}v5`);
      const anchor = x > width - margin.right - 18 ? "end" : "middle";
      texts.push({ x, y: height - 6, "text-anchor": anchor, text: clock(ms) });
    }
    if (!this.grid.firstChild) {
      this.grid.append(drawing("path"));
    }
    draw(this.grid.firstChild, { d: lines.join("") });
    while (this.labels.childElementCount > texts.length) {
      this.labels.lastChild.remove();
    }
    texts.forEach(({ text, ...attributes }, index) => {
      const label = this.labels.children[index] ?? this.labels.appendChild(drawing("text"));
      draw(label, attributes);
      say(label, text);
    });
  }

  // summarize says in words what the line shows.
  summarize(values, slot) {
    if (values.length === 0) {
      say(this.summary, "No events yet.");
      return;
    }
    const most = Math.max(...values);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const when = clock(this.moment(values.length - 1 - values.lastIndexOf(most)));
    const seconds = (values.length - 1) * slot + this.data.last;
    const time = Math.abs(seconds - 3600) < 60 ? "hour" : span(seconds);
    say(this.summary, `Over the last ${time}: ${rate(mean)} events/s on average, ${rate(most)} at most, at ${when}.`);
  }

  point(event) {
    const { slot, last, end } = this.data;
    const x = event.clientX - this.frame.getBoundingClientRect().left;
    const perSecond = this.x(end) - this.x(end - 1000);
    const secondsBack = (this.x(end) - x) / perSecond;
    this.read(secondsBack < last ? 0 : 1 + Math.floor((secondsBack - last) / slot));
  }

  key(event) {
    const last = this.data.values.length - 1;
    const minutes = Math.max(1, Math.round(300 / this.data.slot));
    const moves = { ArrowLeft: 1, ArrowDown: 1, ArrowRight: -1, ArrowUp: -1, PageDown: minutes, PageUp: -minutes };
    const at = this.at ?? 0;
    let to;
    if (event.key === "Home") {
      to = last;
    } else if (event.key === "End") {
      to = 0;
    } else if (event.key in moves && !event.altKey && !event.ctrlKey && !event.metaKey) {
      to = at + moves[event.key];
    } else {
      return;
    }
    event.preventDefault();
    this.read(to);
  }

  // read says the value of the slot that lies so many slots back; null says none.
  read(back) {
    const { values } = this.data;
    if (values.length === 0) {
      back = null;
    }
    this.at = back === null ? null : Math.min(Math.max(0, back), values.length - 1);
    const now = values.length - 1 - (this.at ?? 0);
    const value = values[now] ?? 0;
    const until = this.moment(this.at ?? 0);
    const since = this.moment((this.at ?? 0) + 1);
    const range = `${clockSeconds(since)} to ${clockSeconds(until)}`;
    draw(this.frame, {
      "aria-valuemax": Math.max(0, values.length - 1),
      "aria-valuenow": Math.max(0, now),
      "aria-valuetext": values.length ? `${rate(value)} events per second, ${range}` : "no events yet",
    });
    const reading = this.at !== null && this.x !== undefined;
    say(this.readout, reading ? `${range}: ${rate(value)} events/s` : "");
    draw(this.cross, { visibility: reading ? "visible" : "hidden" });
    draw(this.dot, { visibility: reading ? "visible" : "hidden" });
    if (reading) {
      const x = Math.max(margin.left, this.x((since + until) / 2)).toFixed(1);
      draw(this.cross, { d: `M${x} ${margin.top}V${height - margin.bottom}` });
      draw(this.dot, { cx: x, cy: this.y(value).toFixed(1) });
    }
  }
}

// niceStep is the least round number of which five reach the largest value.
function niceStep(most) {
  if (most <= 0) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(most / 5));
  return [1, 2, 2.5, 5, 10].find((factor) => 5 * factor * power >= most) * power;
}

const sparkWidth = 96;
const sparkHeight = 20;
const sparkPoints = 48;

// widthOf is how many seconds a plot shows, if there is a history of so many.
function widthOf(seconds) {
  return widths.find((width) => width >= seconds) ?? widths.at(-1);
}

// showSpark draws a history into a cell, over as long a time as the plot: the mean of
// each few slots, as high as the largest.
export function showSpark(cell, values, slot) {
  let path = cell.spark;
  if (!path) {
    const svg = drawing("svg", { class: "spark", "aria-hidden": "true", width: sparkWidth, height: sparkHeight });
    path = cell.spark = drawing("path");
    svg.append(path);
    cell.append(svg);
  }
  const slots = Math.max(1, Math.round(widthOf((values.length - 1) * slot) / slot));
  const each = slots / sparkPoints;
  const means = [];
  for (let i = 0; i < sparkPoints; i++) {
    const to = values.length - Math.round((sparkPoints - 1 - i) * each);
    const from = Math.max(0, values.length - Math.round((sparkPoints - i) * each));
    if (to > from) {
      let sum = 0;
      for (let k = from; k < to; k++) {
        sum += values[k];
      }
      means.push({ i, mean: sum / (to - from) });
    }
  }
  const most = Math.max(0, ...means.map(({ mean }) => mean));
  const x = (i) => ((i * (sparkWidth - 1)) / (sparkPoints - 1)).toFixed(1);
  const y = (mean) => (sparkHeight - 2 - (most ? mean / most : 0) * (sparkHeight - 4)).toFixed(1);
  const d = means.map(({ i, mean }) => `${x(i)} ${y(mean)}`).join("L");
  // One point is a dash.
  draw(path, { d: d && (means.length > 1 ? `M${d}` : `M${d}h-2`) });
}
