// A table that updates existing rows in place, so that the focus, the selection and open
// details stay when a new overview arrives.

import { element, setText } from "./element.js";
import { number, plural } from "./format.js";
import { maxLimit } from "./overview.js";

// Tables with more rows than this have a filter.
const filterLength = 12;

// Tables with more rows than this update a row only when it is visible, because there
// can be thousands.
const lazyLength = 100;

// Rows do not move for this time after the pointer moved over them, so that they do not
// jump away from a user who is about to click. In milliseconds.
const holdTime = 8000;

const collator = new Intl.Collator(undefined, { numeric: true });

// A Table shows rows in a container. The options:
//
//   caption     caption for screen readers
//   columns     list of {title, tooltip, number, wide, className, sort, show, warn}:
//               number aligns the column to the right and sorts it in descending order
//               first, wide is for columns that need more room, sort(row) is the number
//               or string to sort by, show(cell, row) shows the row's value in a cell,
//               warn(row) reports whether to highlight the cell
//   key         key(row) identifies a row
//   searchText  searchText(row) is the text that the filter searches
//   sortBy      index of the column to sort by at first
//   ascending   whether to sort in ascending order at first
//   onMore      called when the user asks for more rows
export class Table {
  constructor(container, options) {
    this.options = options;
    this.rows = new Map();
    this.order = { column: options.sortBy, ascending: options.ascending === true };
    this.total = 0;
    this.pointerMoved = -Infinity;

    const id = `${container.closest("section").id}-${container.id || "table"}`;
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
    this.body.addEventListener("pointermove", () => (this.pointerMoved = performance.now()));
    this.body.addEventListener("pointerleave", () => (this.pointerMoved = -Infinity));
    this.scroll = element(
      "div",
      { className: "scroll", tabIndex: 0, role: "region", "aria-label": options.caption },
      element(
        "table",
        { role: "table" },
        element("caption", { className: "visually-hidden" }, options.caption),
        element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...this.headings)),
        this.body,
      ),
    );
    this.observer = new IntersectionObserver((entries) => this.onVisibility(entries), {
      root: this.scroll,
      rootMargin: "300px",
    });
    this.count = element("span");
    this.more = element("button", { type: "button", hidden: true }, "Show more");
    this.more.addEventListener("click", () => options.onMore());
    this.foot = element("p", { className: "foot", hidden: true }, this.count, this.more);
    container.append(this.scroll, this.foot);
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
    if (column.tooltip) {
      heading.title = column.tooltip;
    }
    return heading;
  }

  // update shows a list of rows. The total also counts rows that are not in the list.
  update(list, total = list.length) {
    this.total = total;
    const seen = new Map();
    const rows = new Map();
    for (const data of list) {
      const key = this.options.key(data);
      const duplicates = seen.get(key) ?? 0;
      seen.set(key, duplicates + 1);
      const unique = duplicates ? `${key}\u0000${duplicates}` : key;
      const known = this.rows.get(unique);
      const row = known ?? this.newRow();
      row.data = data;
      row.stale = known !== undefined && list.length > lazyLength && !row.isVisible;
      if (!row.stale) {
        this.show(row);
      }
      rows.set(unique, row);
    }
    for (const [key, row] of this.rows) {
      if (!rows.has(key)) {
        this.observer.unobserve(row);
        row.remove();
      }
    }
    this.rows = rows;
    this.arrange(false);
  }

  // newRow returns a new row. Its elements have explicit roles because on a narrow screen
  // the style sheet gives them a display other than that of tables, which removes the
  // implicit roles.
  newRow() {
    const cells = this.options.columns.map(({ title, number, wide, className = "" }, index) =>
      index === 0
        ? element("th", { scope: "row", role: "rowheader" })
        : element("td", { role: "cell", "data-title": title, className: number ? "number" : wide ? "wide" : className }),
    );
    const row = element("tr", { role: "row" }, ...cells);
    this.observer.observe(row);
    return row;
  }

  // show updates the cells of a row.
  show(row) {
    this.options.columns.forEach((column, index) => {
      column.show(row.cells[index], row.data);
      if (column.warn) {
        row.cells[index].classList.toggle("warn", column.warn(row.data));
      }
    });
    row.stale = false;
  }

  // onVisibility updates stale rows that become visible.
  onVisibility(entries) {
    for (const { target: row, isIntersecting } of entries) {
      row.isVisible = isIntersecting;
      if (isIntersecting && row.stale) {
        this.show(row);
      }
    }
  }

  // isInUse reports whether the user is working with the rows: the focus, the pointer or
  // the selection is in them.
  isInUse() {
    const selection = document.getSelection();
    return (
      this.body.contains(document.activeElement) ||
      performance.now() - this.pointerMoved < holdTime ||
      (selection !== null && !selection.isCollapsed && this.body.contains(selection.anchorNode))
    );
  }

  // arrange sorts the rows and hides those that do not match the filter. Unless the user
  // asked for it, it does not move rows while they are in use, and appends new rows at
  // the end.
  arrange(userAsked) {
    const { columns, searchText } = this.options;
    const { column, ascending } = this.order;
    this.headings.forEach((heading, index) => {
      const sorted = index !== column ? "none" : ascending ? "ascending" : "descending";
      if (heading.getAttribute("aria-sort") !== sorted) {
        heading.setAttribute("aria-sort", sorted);
      }
    });

    const sign = ascending ? 1 : -1;
    const sorted = [...this.rows.values()]
      .map((row) => ({ row, value: columns[column].sort(row.data) }))
      .sort((a, b) => sign * compare(a.value, b.value));
    const keepOrder = !userAsked && this.isInUse();
    let next = this.body.firstElementChild;
    for (const { row } of sorted) {
      if (row === next) {
        next = next.nextElementSibling;
      } else if (!keepOrder) {
        this.body.insertBefore(row, next);
      } else if (!row.isConnected) {
        this.body.append(row);
      }
    }

    const query = this.filter.value.trim().toLowerCase();
    let matches = 0;
    for (const { row } of sorted) {
      const hidden = query !== "" && !searchText(row.data).toLowerCase().includes(query);
      if (row.hidden !== hidden) {
        row.hidden = hidden;
      }
      matches += hidden ? 0 : 1;
    }
    this.showCounts(matches, query);
  }

  // showCounts shows the filter if the table is long, and the number of rows if the table
  // does not show all rows.
  showCounts(matches, query) {
    this.filterLine.hidden = this.rows.size <= filterLength && query === "";
    const cut = this.rows.size < this.total;
    const hasMax = this.rows.size >= maxLimit;
    this.foot.hidden = !cut && query === "";
    this.more.hidden = !cut || hasMax;
    if (query !== "") {
      const verb = matches === 1 ? "matches" : "match";
      const total = cut ? ` (${number(this.total)} in total)` : "";
      setText(this.count, `${number(matches)} of ${plural(this.rows.size, "row")} ${verb}${total}. `);
    } else if (cut) {
      setText(this.count, `The first ${number(this.rows.size)} of ${plural(this.total, "row")}. `);
    }
  }
}

// compare compares numbers or strings. Null is less than anything else, so it comes last
// in descending order.
function compare(a, b) {
  if (a === null || b === null) {
    return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  }
  return typeof a === "number" ? a - b : collator.compare(a, b);
}
