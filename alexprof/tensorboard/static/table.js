/** Tables: sorted by their heads, filtered by a word, rows that open. */

import { bar, sample, ticks } from "./bars.js";
import { element } from "./dom.js";

/**
 * @typedef {import("./bars.js").Piece} Piece
 * @typedef {import("./bars.js").Axis} Axis
 * @typedef {string | {pieces: Piece[], axis?: Axis}} Cell
 * @typedef {{title: string, unit: string, align: string, drop: number, legend: [string, string][]}} Column
 * @typedef {{cells: Cell[], style: string, key: string}} Row
 * @typedef {{type: "table", title: string, aside: string, part: string, columns: Column[], rows: Row[], axis: Axis}} Table
 * @typedef {{
 *   state: import("./state.js").State,
 *   main: Table | null,
 *   detail: (key: string) => Promise<Node[]>,
 * }} Context `main` is the table whose order and filter stand in the address
 */

const FILTER_FROM = 9;

/**
 * Draws a table.
 * @param {Table} table
 * @param {Context} context
 */
export function drawTable(table, context) {
  return new TableView(table, context).root;
}

class TableView {
  /**
   * @param {Table} table
   * @param {Context} context
   */
  constructor(table, context) {
    this.table = table;
    this.context = context;
    this.isMain = context.main === table;
    this.sort = this.isMain ? context.state.get("sort") : "";
    this.query = this.isMain ? context.state.get("q") : "";
    this.sortable = !table.rows.some((row) => row.style === "group");
    this.body = element("tbody");
    this.count = element("span", { class: "count", role: "status" });
    this.heads = table.columns.map((column) => this.head(column));
    this.root = element(
      "div",
      { class: "table" },
      this.caption(),
      element(
        "div",
        { class: "scroll" },
        element(
          "table",
          { "aria-label": table.title || "Figures" },
          element("thead", {}, element("tr", {}, ...this.heads)),
          this.body,
        ),
      ),
    );
    this.draw();
  }

  caption() {
    const { title, aside, rows } = this.table;
    const filtered = rows.length >= FILTER_FROM && this.sortable;
    if (!title && !filtered) return null;
    return element(
      "div",
      { class: "caption" },
      title && element("h3", {}, title),
      aside && element("span", { class: "muted" }, aside),
      filtered && this.filterBox(),
      filtered && this.count,
    );
  }

  filterBox() {
    const box = element("input", {
      type: "search",
      class: this.isMain ? "filter main-filter" : "filter",
      placeholder: "Filter",
      "aria-label": `Filter ${this.table.title || "the table"}`,
      input: (/** @type {InputEvent} */ event) => {
        this.query = /** @type {HTMLInputElement} */ (event.target).value;
        if (this.isMain) this.context.state.set({ q: this.query }, true);
        this.draw();
      },
    });
    box.value = this.query;
    return box;
  }

  /** @param {Column} column */
  head(column) {
    const unit = column.unit && element("small", {}, column.unit);
    const legend = column.legend.flatMap(([mark, label]) => [sample(mark), ` ${label} `]);
    const hasTicks = column.align === "bar" && !column.legend.length && !column.title;
    const drawn = hasTicks ? [ticks(this.table.axis)] : legend;
    const attributes = { scope: "col", class: cellClass(column), "data-drop": column.drop };
    if (column.align === "bar" || !this.sortable) {
      return element("th", attributes, column.title, unit, ...drawn);
    }
    const button = element("button", { click: () => this.sortBy(column) }, column.title || "Name", unit);
    return element("th", attributes, button);
  }

  /** @param {Column} column */
  sortBy(column) {
    const title = column.title || "Name";
    const first = column.align === "name" || column.align === "text" ? title : `-${title}`;
    const second = first.startsWith("-") ? title : `-${title}`;
    this.sort = this.sort === first ? second : this.sort === second ? "" : first;
    if (this.isMain) this.context.state.set({ sort: this.sort }, true);
    this.draw();
  }

  /** The rows as they stand: sums last. */
  rows() {
    const words = this.query.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = this.table.rows.filter((row) => row.style !== "sum");
    const shown = rows.filter((row) => {
      const text = row.cells.filter((cell) => typeof cell === "string").join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
    this.count.textContent = words.length ? `${shown.length} of ${rows.length} rows` : "";
    const place = this.table.columns.findIndex(
      (column) => (column.title || "Name") === this.sort.replace(/^-/, ""),
    );
    if (place >= 0 && this.sortable) {
      const sign = this.sort.startsWith("-") ? -1 : 1;
      const numeric = this.table.columns[place].align !== "name" && this.table.columns[place].align !== "text";
      shown.sort((a, b) => compare(a.cells[place], b.cells[place], sign, numeric));
    }
    return [...shown, ...this.table.rows.filter((row) => row.style === "sum")];
  }

  draw() {
    this.heads.forEach((head, place) => {
      const title = this.table.columns[place].title || "Name";
      const order = { [title]: "ascending", [`-${title}`]: "descending" }[this.sort] ?? "none";
      if (head.querySelector("button")) head.setAttribute("aria-sort", order);
    });
    this.body.replaceChildren(...this.rows().map((row) => this.row(row)));
  }

  /** @param {Row} row */
  row(row) {
    const line = element("tr", { class: row.style });
    this.table.columns.forEach((column, place) => {
      const cell = row.cells[place] ?? "";
      const attributes = { class: cellClass(column, cell), "data-drop": column.drop };
      if (typeof cell !== "string") {
        line.append(element("td", attributes, bar(cell.pieces, cell.axis ?? this.table.axis)));
      } else if (place === 0 && row.key) {
        line.append(element("td", attributes, this.opener(row, line, cell.trim())));
      } else {
        line.append(element("td", { ...attributes, title: cell.length > 60 && cell }, cell.trim()));
      }
    });
    return line;
  }

  /**
   * @param {Row} row
   * @param {HTMLTableRowElement} line
   * @param {string} label
   */
  opener(row, line, label) {
    /** @type {HTMLTableRowElement | null} */
    let below = null;
    const button = element("button", { class: "opener", "aria-expanded": "false" }, label);
    button.addEventListener("click", async () => {
      if (below) {
        below.remove();
        below = null;
        button.setAttribute("aria-expanded", "false");
        return;
      }
      button.setAttribute("aria-expanded", "true");
      const cell = element("td", { colspan: this.table.columns.length, class: "detail" }, "Reading …");
      below = element("tr", { class: "below" }, cell);
      line.after(below);
      cell.replaceChildren(...(await this.context.detail(row.key)));
    });
    return button;
  }
}

/**
 * @param {Column} column
 * @param {Cell} [cell]
 */
function cellClass(column, cell = "") {
  const side = column.align === "number" || column.align === "right" ? "right" : column.align;
  return typeof cell === "string" && cell.startsWith("  ") ? `${side} indent` : side;
}

/**
 * @param {Cell} a
 * @param {Cell} b
 * @param {number} sign
 * @param {boolean} numeric
 */
function compare(a, b, sign, numeric) {
  const [textA, textB] = [a, b].map((cell) => (typeof cell === "string" ? cell.trim() : ""));
  if (!numeric) return sign * textA.localeCompare(textB, "en", { numeric: true });
  const [x, y] = [textA, textB].map((text) => parseFloat(text.replace("−", "-").replace(/^[+<]/, "")));
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return sign * (x - y);
}
