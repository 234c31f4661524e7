// A table whose rows are kept: those of a new overview that were there before are
// changed in place, so that focus, selection and what is open stay.

import { element, say } from "./element.js";
import { plural } from "./format.js";
import { maxLimit } from "./overview.js";

// A filter is offered for tables that are longer than this.
const longTable = 12;

// In tables that are longer than this, rows that are not in sight are not changed until
// they are: there can be thousands.
const lazyTable = 100;

// For how long after the pointer moved over the rows they keep their order, in
// milliseconds: nobody wants to click on what jumps away.
const held = 8000;

const collator = new Intl.Collator(undefined, { numeric: true });

// A Table shows rows in a place that is its own. The options:
//
//   caption     what the table lists, for those who do not see the heading above it
//   columns     a list of {title, number, wide, sort, show, wrong, note}: show(cell, row)
//               shows the row in a cell, sort(row) is what the column is sorted by, a
//               number or a text; number aligns to the right and sorts the largest
//               first, wide is for columns that need room, wrong(row) tells whether the
//               cell shows something wrong
//   key         key(row) tells rows apart
//   find        find(row) is the text that the filter looks in
//   by          the column that it is sorted by at first
//   ascending   whether the smallest comes first then
//   more        called when somebody wants to see more rows
export class Table {
  constructor(place, options) {
    this.options = options;
    this.rows = new Map();
    this.order = { column: options.by, ascending: options.ascending === true };
    this.list = [];
    this.total = 0;
    this.moved = -Infinity;

    const id = `${place.closest("section").id}-${place.id || "table"}`;
    this.filter = element("input", {
      type: "search",
      id: `${id}-filter`,
      placeholder: "Filter",
      autocomplete: "off",
      spellcheck: false,
      "aria-label": `Filter: ${options.caption}`,
    });
    this.filter.addEventListener("input", () => this.arrange(true));
    this.filterLine = element("div", { className: "filter", hidden: true }, this.filter);

    this.headings = options.columns.map((column, index) => this.heading(column, index));
    this.body = element("tbody", { role: "rowgroup" });
    this.body.addEventListener("pointermove", () => (this.moved = performance.now()));
    this.body.addEventListener("pointerleave", () => (this.moved = -Infinity));
    this.scroll = element(
      "div",
      { className: "scroll", tabIndex: 0, role: "region", "aria-label": options.caption },
      element(
        "table",
        { role: "table" },
        element("caption", { className: "unseen" }, options.caption),
        element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...this.headings)),
        this.body,
      ),
    );
    this.sight = new IntersectionObserver((entries) => this.see(entries), { root: this.scroll, rootMargin: "300px" });
    this.count = element("span");
    this.more = element("button", { type: "button", hidden: true }, "Show more");
    this.more.addEventListener("click", () => options.more());
    this.foot = element("p", { className: "foot", hidden: true }, this.count, this.more);
    place.append(this.scroll, this.foot);
  }

  heading(column, index) {
    const button = element("button", { type: "button" }, column.title);
    button.addEventListener("click", () => {
      const same = this.order.column === index;
      this.order = { column: index, ascending: same ? !this.order.ascending : !column.number };
      this.arrange(true);
    });
    const className = column.number && index > 0 ? "number" : "";
    const heading = element("th", { scope: "col", role: "columnheader", className }, button);
    if (column.note) {
      heading.title = column.note;
    }
    return heading;
  }

  // update shows a list, of so many rows that there are in all.
  update(list, total = list.length) {
    this.list = list;
    this.total = total;
    const seen = new Map();
    const rows = new Map();
    for (const data of list) {
      const key = this.options.key(data);
      const again = seen.get(key) ?? 0;
      seen.set(key, again + 1);
      const unique = again ? `${key}\u0000${again}` : key;
      const known = this.rows.get(unique);
      const row = known ?? this.row();
      row.data = data;
      row.stale = known !== undefined && list.length > lazyTable && !row.inSight;
      if (!row.stale) {
        this.show(row);
      }
      rows.set(unique, row);
    }
    for (const [key, row] of this.rows) {
      if (!rows.has(key)) {
        this.sight.unobserve(row);
        row.remove();
      }
    }
    this.rows = rows;
    this.arrange(false);
  }

  // row makes a row. On a phone it is no line of a table but a few lines with the
  // columns' titles in them, so its roles are told.
  row() {
    const cells = this.options.columns.map(({ title, number, wide, className = "" }, index) =>
      index === 0
        ? element("th", { scope: "row", role: "rowheader" })
        : element("td", { role: "cell", "data-title": title, className: number ? "number" : wide ? "wide" : className }),
    );
    const row = element("tr", { role: "row" }, ...cells);
    this.sight.observe(row);
    return row;
  }

  // show shows in a row what is known of it.
  show(row) {
    this.options.columns.forEach((column, index) => {
      column.show(row.cells[index], row.data);
      if (column.wrong) {
        row.cells[index].classList.toggle("warn", column.wrong(row.data));
      }
    });
    row.stale = false;
  }

  // see brings rows that come into sight up to date.
  see(entries) {
    for (const { target: row, isIntersecting } of entries) {
      row.inSight = isIntersecting;
      if (isIntersecting && row.stale) {
        this.show(row);
      }
    }
  }

  // isHeld tells whether somebody is at work in the rows.
  isHeld() {
    const selection = document.getSelection();
    return (
      this.body.contains(document.activeElement) ||
      performance.now() - this.moved < held ||
      (selection !== null && !selection.isCollapsed && this.body.contains(selection.anchorNode))
    );
  }

  // arrange puts the rows in order and hides those that the filter leaves out. Unless
  // it was asked for, it moves none while somebody is at work there: new ones come last.
  arrange(asked) {
    const { columns, find } = this.options;
    const { column, ascending } = this.order;
    this.headings.forEach((heading, index) => {
      const sorted = index !== column ? "none" : ascending ? "ascending" : "descending";
      if (heading.getAttribute("aria-sort") !== sorted) {
        heading.setAttribute("aria-sort", sorted);
      }
    });

    const sign = ascending ? 1 : -1;
    const sorted = [...this.rows.values()]
      .map((row) => ({ row, by: columns[column].sort(row.data) }))
      .sort((a, b) => sign * compare(a.by, b.by));
    const keep = !asked && this.isHeld();
    let next = this.body.firstElementChild;
    for (const { row } of sorted) {
      if (row === next) {
        next = next.nextElementSibling;
      } else if (!keep) {
        this.body.insertBefore(row, next);
      } else if (!row.isConnected) {
        this.body.append(row);
      }
    }

    const wanted = this.filter.value.trim().toLowerCase();
    let shown = 0;
    for (const { row } of sorted) {
      const hidden = wanted !== "" && !find(row.data).toLowerCase().includes(wanted);
      if (row.hidden !== hidden) {
        row.hidden = hidden;
      }
      shown += hidden ? 0 : 1;
    }
    this.tell(shown, wanted);
  }

  // tell says how many rows are shown where that is not all.
  tell(shown, wanted) {
    const long = this.rows.size > longTable || wanted !== "";
    this.filterLine.hidden = !long;
    const cut = this.rows.size < this.total;
    const most = this.rows.size >= maxLimit;
    this.foot.hidden = !cut && wanted === "";
    this.more.hidden = !cut || most;
    if (wanted !== "") {
      say(this.count, `${plural(shown, "row")} of ${plural(this.rows.size, "row")} match${shown === 1 ? "es" : ""}${cut ? `; there are ${plural(this.total, "row")} in all` : ""}. `);
    } else if (cut) {
      say(this.count, `The first ${plural(this.rows.size, "row")} of ${plural(this.total, "row")}. `);
    }
  }
}

// compare compares numbers or texts; what there is none of comes last in descending
// order.
function compare(a, b) {
  if (a === null || b === null) {
    return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  }
  return typeof a === "number" ? a - b : collator.compare(a, b);
}
