/** Draws a page: its question, its answer, and the blocks that prove it. */

import { address, ask } from "./api.js";
import { element } from "./dom.js";
import { drawFigure } from "./figure.js";
import { drawTable } from "./table.js";

/**
 * @typedef {import("./table.js").Table} Table
 * @typedef {import("./figure.js").Figure} Figure
 * @typedef {{type: "lead" | "remark" | "warn", text: string}} Remark
 * @typedef {{type: "choice", name: string, title: string, options: [string, string][], value: string}} Choice
 * @typedef {{type: "columns", main: Block[], side: Block[]}} Columns
 * @typedef {{type: "lanes", title: string, aside: string, steps: [string, string, number][], labels: string[], legend: [string, string][]}} Lanes
 * @typedef {{type: "links", title: string, links: [string, string, string][]}} Links
 * @typedef {Remark | Table | Figure | Choice | Columns | Lanes | Links} Block
 * @typedef {{title: string, aside: string, blocks: Block[]}} Page
 * @typedef {{state: import("./state.js").State, query: Record<string, string>}} Shown
 *   `query` names the run and what is chosen of it
 */

const BUTTONS_MOST = 6;

/**
 * @param {Page} page
 * @param {Shown} shown
 * @returns {Node[]}
 */
export function drawPage(page, shown) {
  const context = {
    state: shown.state,
    query: shown.query,
    main: mainTable(page.blocks),
    detail: (/** @type {string} */ key) => detail(key, shown),
  };
  return [
    element("h1", { id: "question", tabindex: "-1" }, page.title, page.aside && element("span", {}, page.aside)),
    ...blocks(page.blocks, context),
  ];
}

/**
 * @param {string} key
 * @param {Shown} shown
 * @returns {Promise<Node[]>}
 */
async function detail(key, shown) {
  try {
    const answer = await ask("detail", { ...shown.query, key });
    const context = { ...shown, main: null, detail: async () => [] };
    return blocks(answer.blocks, context);
  } catch (error) {
    return [element("p", { class: "warn" }, /** @type {Error} */ (error).message)];
  }
}

/**
 * @param {Block[]} all
 * @param {any} context
 * @returns {Node[]}
 */
function blocks(all, context) {
  return all.map((block) => drawBlock(block, context));
}

/**
 * @param {Block} block
 * @param {any} context
 * @returns {Node}
 */
function drawBlock(block, context) {
  switch (block.type) {
    case "table":
      return drawTable(block, context);
    case "figure":
      return drawFigure(block, context);
    case "choice":
      return drawChoice(block, context.state);
    case "columns":
      return element(
        "div",
        { class: "columns" },
        element("div", {}, ...blocks(block.main, context)),
        element("div", { class: "side" }, ...blocks(block.side, context)),
      );
    case "lanes": {
      const place = element("div", { class: "lanes" });
      import("./timeline.js").then((timeline) => timeline.drawTimeline(place, block, context));
      return place;
    }
    case "links":
      return drawLinks(block, context.query);
    default:
      return element(block.type === "lead" ? "h2" : "p", { class: block.type }, block.text);
  }
}

/**
 * Files of the run to save.
 * @param {Links} block
 * @param {Record<string, string>} query
 */
function drawLinks(block, query) {
  const links = block.links.map(([label, route, format]) =>
    element("a", { href: address(route, { run: query.run, format }), download: "" }, label),
  );
  return element("div", { class: "links" }, element("h3", {}, block.title), ...links);
}

/**
 * @param {Choice} choice
 * @param {import("./state.js").State} state
 */
function drawChoice(choice, state) {
  const set = (/** @type {string} */ key) => state.set({ [choice.name]: key });
  const title = element("span", { class: "muted" }, choice.title);
  if (choice.options.length > BUTTONS_MOST) {
    const options = choice.options.map(([key, label]) =>
      element("option", { value: key, selected: key === choice.value }, label),
    );
    const select = element(
      "select",
      {
        "aria-label": choice.title,
        change: (event) => set(event.target.value),
      },
      ...options,
    );
    return element("div", { class: "choice" }, title, select);
  }
  const buttons = choice.options.map(([key, label]) =>
    element("button", { "aria-pressed": String(key === choice.value), click: () => set(key) }, label),
  );
  return element(
    "div",
    { class: "choice" },
    title,
    element("div", { class: "buttons", role: "group", "aria-label": choice.title }, ...buttons),
  );
}

/**
 * The longest table, whose order and filter stand in the address.
 * @param {Block[]} all
 * @returns {Table | null}
 */
function mainTable(all) {
  const tables = all.flatMap((block) =>
    block.type === "table" ? [block] : block.type === "columns" ? [mainTable([...block.main, ...block.side])] : [],
  );
  return tables.reduce(
    (longest, table) => (table && table.rows.length > (longest?.rows.length ?? 0) ? table : longest),
    null,
  );
}

