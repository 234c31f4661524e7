// Draws the plot of a rate over the last hour, and the small plots in tables.

import { element, setAttributes, setText, svgElement } from "./element.js";
import { clock, clockSeconds, rate, span, tick } from "./format.js";

const height = 288;
const margin = { top: 12, right: 12, bottom: 24, left: 48 };

// The lengths of time that a plot can have, in seconds. A plot has the shortest one that
// contains the history.
const timeSpans = [300, 600, 900, 1800, 3600];

// The possible distances between marks on the time axis, in seconds.
const timeSteps = [60, 120, 300, 600, 900, 1800];

// A Plot draws a history of rates. Users read values with the pointer or the arrow keys.
// For screen readers, the plot is a slider: its position is a slot, its text the rate.
export class Plot {
  constructor(container) {
    this.data = { values: [], slot: 10, last: 10, end: 0 };
    this.selected = null; // the selected slot: 0 is the latest one, 1 the one before

    this.grid = svgElement("g", { class: "grid" });
    this.labels = svgElement("g", { class: "labels" });
    this.area = svgElement("path", { class: "area" });
    this.line = svgElement("path", { class: "line" });
    this.crosshair = svgElement("path", { class: "crosshair" });
    this.dot = svgElement("circle", { class: "dot", r: 4 });
    this.svg = svgElement("svg", { "aria-hidden": "true", focusable: "false", height });
    this.svg.append(this.grid, this.labels, this.area, this.line, this.crosshair, this.dot);
    this.readout = element("p", { className: "readout" });
    this.frame = element(
      "div",
      { className: "plot", tabIndex: 0, role: "slider", "aria-valuemin": "0", "aria-describedby": "plot-summary" },
      this.svg,
    );
    this.summary = element("p", { id: "plot-summary", className: "summary" });
    container.append(this.readout, this.frame, this.summary);

    this.frame.addEventListener("pointermove", (event) => this.onPointer(event));
    this.frame.addEventListener("pointerdown", (event) => this.onPointer(event));
    this.frame.addEventListener("pointerleave", () => this.select(null));
    this.frame.addEventListener("blur", () => this.select(null));
    this.frame.addEventListener("focus", () => this.select(this.selected ?? 0));
    this.frame.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.draw()).observe(this.frame);
  }

  // update shows values, oldest first: one for each slot. slot is the length of a slot,
  // and last that of the last slot so far, both in seconds. end is the time at which the
  // last slot ends, in milliseconds since 1970.
  update(title, values, slot, last, end) {
    this.data = { values, slot, last, end };
    if (this.frame.getAttribute("aria-label") !== title) {
      this.frame.setAttribute("aria-label", title);
    }
    this.draw();
  }

  // endOf returns the end of a slot, in milliseconds since 1970: 0 is the latest slot, 1
  // the one before.
  endOf(back) {
    const { slot, last, end } = this.data;
    return back <= 0 ? end : end - (last + (back - 1) * slot) * 1000;
  }

  draw() {
    const { values, slot, last, end } = this.data;
    const width = this.frame.clientWidth;
    if (width === 0 || end === 0) {
      return;
    }
    setAttributes(this.svg, { width, viewBox: `0 0 ${width} ${height}` });
    const seconds = timeSpanFor((values.length - 1) * slot + last);
    const max = Math.max(0, ...values);
    const step = roundStep(max);
    const top = step * Math.max(1, Math.ceil(max / step));
    this.x = (ms) => width - margin.right - ((end - ms) / 1000 / seconds) * (width - margin.left - margin.right);
    this.y = (value) => height - margin.bottom - (value / top) * (height - margin.top - margin.bottom);
    this.drawAxes(width, seconds, top, step);

    // The line has a step for each slot, because a rate is the mean of its slot.
    const points = [];
    const slots = Math.min(values.length, Math.ceil(seconds / slot));
    for (let back = slots - 1; back >= 0; back--) {
      const from = Math.max(margin.left, this.x(this.endOf(back + 1)));
      const y = this.y(values[values.length - 1 - back]).toFixed(1);
      points.push(`${from.toFixed(1)} ${y}`, `${this.x(this.endOf(back)).toFixed(1)} ${y}`);
    }
    const line = points.length ? `M${points.join("L")}` : "";
    const bottom = height - margin.bottom;
    setAttributes(this.line, { d: line });
    setAttributes(this.area, { d: line && `${line}V${bottom}H${points[0].split(" ")[0]}Z` });
    this.summarize(values, slot);
    this.select(this.selected);
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
    const maxLabels = (width - margin.left - margin.right) / 72;
    const step = (timeSteps.find((s) => seconds / s <= maxLabels) ?? timeSteps.at(-1)) * 1000;
    const offset = new Date(end).getTimezoneOffset() * 60000;
    const first = Math.ceil((end - offset - seconds * 1000) / step) * step + offset;
    for (let ms = first; ms <= end; ms += step) {
      const x = Math.round(this.x(ms)) + 0.5;
      lines.push(`M${x} ${height - margin.bottom}v5`);
      const anchor = x > width - margin.right - 18 ? "end" : "middle";
      texts.push({ x, y: height - 6, "text-anchor": anchor, text: clock(ms) });
    }
    if (!this.grid.firstChild) {
      this.grid.append(svgElement("path"));
    }
    setAttributes(this.grid.firstChild, { d: lines.join("") });
    while (this.labels.childElementCount > texts.length) {
      this.labels.lastChild.remove();
    }
    texts.forEach(({ text, ...attributes }, index) => {
      const label = this.labels.children[index] ?? this.labels.appendChild(svgElement("text"));
      setAttributes(label, attributes);
      setText(label, text);
    });
  }

  // summarize describes the line in a sentence.
  summarize(values, slot) {
    if (values.length === 0) {
      setText(this.summary, "No events yet.");
      return;
    }
    const max = Math.max(...values);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const when = clock(this.endOf(values.length - 1 - values.lastIndexOf(max)));
    const seconds = (values.length - 1) * slot + this.data.last;
    const time = Math.abs(seconds - 3600) < 60 ? "hour" : span(seconds);
    const rates = `average ${rate(mean)} events/s, maximum ${rate(max)} events/s at ${when}`;
    setText(this.summary, `Over the last ${time}: ${rates}.`);
  }

  onPointer(event) {
    const { slot, last, end } = this.data;
    const x = event.clientX - this.frame.getBoundingClientRect().left;
    const perSecond = this.x(end) - this.x(end - 1000);
    const secondsBack = (this.x(end) - x) / perSecond;
    this.select(secondsBack < last ? 0 : 1 + Math.floor((secondsBack - last) / slot));
  }

  onKey(event) {
    const oldest = this.data.values.length - 1;
    const page = Math.max(1, Math.round(300 / this.data.slot)); // five minutes
    const moves = { ArrowLeft: 1, ArrowDown: 1, ArrowRight: -1, ArrowUp: -1, PageDown: page, PageUp: -page };
    let back;
    if (event.key === "Home") {
      back = oldest;
    } else if (event.key === "End") {
      back = 0;
    } else if (event.key in moves && !event.altKey && !event.ctrlKey && !event.metaKey) {
      back = (this.selected ?? 0) + moves[event.key];
    } else {
      return;
    }
    event.preventDefault();
    this.select(back);
  }

  // select shows the time and the rate of a slot: 0 is the latest slot, 1 the one
  // before. Null selects none; the slider is then at the latest slot.
  select(back) {
    const { values } = this.data;
    if (values.length === 0) {
      back = null;
    }
    this.selected = back === null ? null : Math.min(Math.max(0, back), values.length - 1);
    const index = values.length - 1 - (this.selected ?? 0);
    const value = values[index] ?? 0;
    const until = this.endOf(this.selected ?? 0);
    const since = this.endOf((this.selected ?? 0) + 1);
    const range = `${clockSeconds(since)} to ${clockSeconds(until)}`;
    setAttributes(this.frame, {
      "aria-valuemax": Math.max(0, values.length - 1),
      "aria-valuenow": Math.max(0, index),
      "aria-valuetext": values.length ? `${rate(value)} events per second, ${range}` : "no events yet",
    });
    const visible = this.selected !== null && this.x !== undefined;
    setText(this.readout, visible ? `${range}: ${rate(value)} events/s` : "");
    setAttributes(this.crosshair, { visibility: visible ? "visible" : "hidden" });
    setAttributes(this.dot, { visibility: visible ? "visible" : "hidden" });
    if (visible) {
      const x = Math.max(margin.left, this.x((since + until) / 2)).toFixed(1);
      setAttributes(this.crosshair, { d: `M${x} ${margin.top}V${height - margin.bottom}` });
      setAttributes(this.dot, { cx: x, cy: this.y(value).toFixed(1) });
    }
  }
}

// roundStep returns the smallest round number that is at least a fifth of max.
function roundStep(max) {
  if (max <= 0) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(max / 5));
  return [1, 2, 2.5, 5, 10].find((factor) => 5 * factor * power >= max) * power;
}

const sparkWidth = 96;
const sparkHeight = 20;
const sparkPoints = 48;

// timeSpanFor returns the length of time, in seconds, that a plot shows if the history
// has the given length.
function timeSpanFor(seconds) {
  return timeSpans.find((timeSpan) => timeSpan >= seconds) ?? timeSpans.at(-1);
}

// showSparkline draws a history in an element, over the same length of time as the plot.
// Each point is the mean of a few slots. The largest mean has the full height.
export function showSparkline(target, values, slot) {
  let path = target.sparkline;
  if (!path) {
    const svg = svgElement("svg", { class: "spark", "aria-hidden": "true", width: sparkWidth, height: sparkHeight });
    path = target.sparkline = svgElement("path");
    svg.append(path);
    target.append(svg);
  }
  const slots = Math.max(1, Math.round(timeSpanFor((values.length - 1) * slot) / slot));
  const slotsPerPoint = slots / sparkPoints;
  const means = [];
  for (let i = 0; i < sparkPoints; i++) {
    const to = values.length - Math.round((sparkPoints - 1 - i) * slotsPerPoint);
    const from = Math.max(0, values.length - Math.round((sparkPoints - i) * slotsPerPoint));
    if (to > from) {
      let sum = 0;
      for (let k = from; k < to; k++) {
        sum += values[k];
      }
      means.push({ i, mean: sum / (to - from) });
    }
  }
  const max = Math.max(0, ...means.map(({ mean }) => mean));
  const x = (i) => ((i * (sparkWidth - 1)) / (sparkPoints - 1)).toFixed(1);
  const y = (mean) => (sparkHeight - 2 - (max ? mean / max : 0) * (sparkHeight - 4)).toFixed(1);
  const d = means.map(({ i, mean }) => `${x(i)} ${y(mean)}`).join("L");
  // A single point becomes a short dash.
  setAttributes(path, { d: d && (means.length > 1 ? `M${d}` : `M${d}h-2`) });
}
