/** Charts: Vega draws them; pointing and the arrow keys tell their values in a line below. */

import { element, legend } from "./dom.js";

/**
 * @typedef {{type: "figure", name: string, title: string, spec: any, narrow: any, summary: string, aside: string, hint: string, legend: [string, string][]}} Figure
 * @typedef {{id: number, text: string, filter?: string, go?: Record<string, string>}} Datum
 */

const NARROW_PX = 560;

/** @type {Promise<any> | null} */
let script = null;

/** Loads Vega's script, once. */
export function loadVega() {
  // @ts-ignore: a file of its own, made by vl-convert
  script ??= import("./vega.js");
  return script;
}

/**
 * Draws a chart; it appears when Vega is there.
 * @param {Figure} figure
 * @param {{state: import("./state.js").State}} context
 */
export function drawFigure(figure, context) {
  const place = element("div", {
    class: "chart",
    tabindex: "0",
    role: "img",
    "aria-label": figure.summary,
  });
  const told = element("p", { class: "told", "aria-live": "polite" }, figure.hint);
  const root = element(
    "figure",
    { "data-name": figure.name },
    element(
      "figcaption",
      {},
      element("h3", {}, figure.title),
      figure.aside && element("span", { class: "muted" }, figure.aside),
    ),
    figure.legend.length > 0 && legend(figure.legend),
    place,
    told,
  );
  loadVega()
    .then(() => drawVega(figure, place, told, context))
    .catch((error) => {
      place.textContent = `The chart can't be drawn: ${error.message}`;
    });
  return root;
}

/**
 * @param {Figure} figure
 * @param {HTMLElement} place
 * @param {HTMLElement} told
 * @param {{state: import("./state.js").State}} context
 */
async function drawVega(figure, place, told, context) {
  // @ts-ignore: Vega's script sets it
  const { vegaEmbed } = window;
  const spec = figure.narrow && place.clientWidth < NARROW_PX ? figure.narrow : figure.spec;
  const { view } = await vegaEmbed(place, spec, {
    mode: "vega-lite",
    renderer: "svg",
    actions: false,
    tooltip: false,
    hover: false,
    defaultStyle: false,
    loader: { load: refuse, sanitize: refuse },
  });
  place.dataset.drawn = "";
  const items = pointable(spec);
  const hasFocus = (spec.params ?? []).some((/** @type {any} */ param) => param.name === "focus");
  let at = -1;
  /** @param {Datum | null} datum */
  const tell = (datum) => {
    told.textContent = datum ? datum.text : figure.hint;
    at = datum ? items.findIndex((item) => item.id === datum.id) : -1;
    if (hasFocus) view.signal("focus", datum ? datum.id : -1).runAsync();
  };
  view.addEventListener("pointermove", (/** @type {any} */ _event, /** @type {any} */ item) => {
    if (item?.datum?.text !== undefined && item.datum.id !== items[at]?.id) tell(item.datum);
  });
  place.addEventListener("pointerleave", () => tell(null));
  view.addEventListener("click", (/** @type {any} */ _event, /** @type {any} */ item) => {
    if (item?.datum?.text !== undefined) choose(item.datum, context);
  });
  place.addEventListener("keydown", (event) => {
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const move = moves[/** @type {keyof typeof moves} */ (event.key)];
    if (move && items.length) {
      const next = at < 0 ? (move > 0 ? 0 : items.length - 1) : at + move;
      tell(items[Math.min(Math.max(next, 0), items.length - 1)]);
      event.preventDefault();
    } else if (event.key === "Enter" && at >= 0) {
      choose(items[at], context);
      event.preventDefault();
    }
  });
  place.addEventListener("blur", () => tell(null));
}

/**
 * What the Enter key and a click do.
 * @param {Datum} datum
 * @param {{state: import("./state.js").State}} context
 */
function choose(datum, context) {
  if (datum.go) context.state.set(datum.go);
  else if (datum.filter !== undefined) {
    const box = /** @type {HTMLInputElement | null} */ (document.querySelector(".main-filter"));
    if (box) {
      box.value = box.value === datum.filter ? "" : datum.filter;
      box.dispatchEvent(new Event("input"));
    }
  }
}

/** Charts hold their data: nothing is loaded. */
function refuse() {
  return Promise.reject(new Error("charts load nothing"));
}

/**
 * The values of a specification that can be pointed at, in the order of the arrow keys.
 * @param {any} part
 * @returns {Datum[]}
 */
function pointable(part) {
  /** @type {Map<number, Datum>} */
  const items = new Map();
  /** @param {any} inside */
  const search = (inside) => {
    if (!inside || typeof inside !== "object") return;
    const rows = inside.data?.values;
    if (Array.isArray(rows)) {
      for (const row of rows) {
        if (typeof row?.text === "string" && Number.isInteger(row.id)) items.set(row.id, row);
      }
    }
    for (const name of ["layer", "hconcat", "vconcat", "concat", "spec"]) {
      for (const child of [inside[name] ?? []].flat()) search(child);
    }
  };
  search(part);
  return [...items.values()].sort((a, b) => a.id - b.id);
}
