/** The row above a page: pages on the left; run, variant, phase, unit and theme on the right. */

import { element } from "./dom.js";

/**
 * @typedef {{name: string, label: string}} Named
 * @typedef {{run: string, started: string, complete: boolean, is_trace: boolean, variants: Named[], phases: Named[], answer: string}} Head
 * @typedef {{name: string, head: Head}} Run
 * @typedef {{name: string, label: string, variant: "one" | "both", unit: boolean}} PageName
 * @typedef {{runs: Run[], pages: PageName[]}} Lists
 * @typedef {import("./state.js").State} State
 */

/**
 * @param {Lists} lists
 * @param {Run | null} run
 * @param {PageName} page
 * @param {State} state
 */
export function drawControls(lists, run, page, state) {
  return element("header", { class: "controls" }, drawPages(lists, page, state), drawChoices(lists, run, page, state));
}

/**
 * @param {Lists} lists
 * @param {PageName} page
 * @param {State} state
 */
function drawPages(lists, page, state) {
  const links = lists.pages.map((each, place) =>
    element(
      "button",
      {
        class: "page",
        "data-page": each.name,
        "aria-current": each.name === page.name && "page",
        click: () => goTo(each.name, lists, state),
      },
      element("span", { class: "key", "aria-hidden": "true" }, String(place + 1)),
      each.label,
    ),
  );
  return element("nav", { "aria-label": "Pages" }, ...links);
}

/**
 * Shows a page; what was chosen of another page's table is forgotten.
 * @param {string} name
 * @param {Lists} lists
 * @param {State} state
 */
export function goTo(name, lists, state) {
  const page = name === lists.pages[0].name ? "" : name;
  state.set({ page, sort: "", q: "", roll: "", zoom: "" });
}

/**
 * @param {Lists} lists
 * @param {Run | null} run
 * @param {PageName} page
 * @param {State} state
 */
function drawChoices(lists, run, page, state) {
  const head = run?.head;
  const first = (/** @type {Named[] | undefined} */ names) => names?.[0]?.name ?? "";
  const runs = lists.runs.map(({ name }) => ({ name, label: name }));
  const both = { name: "", label: "both" };
  const variant =
    page.variant === "both"
      ? select("variant", "Variant", [both], "", state, true)
      : select("variant", "Variant", head?.variants ?? [], state.get("variant"), state, false, first(head?.variants));
  return element(
    "div",
    { class: "choices" },
    runs.length > 0 && select("run", "Run", runs, run?.name ?? "", state, false, first(runs)),
    head && head.variants.length > 1 && variant,
    head &&
      head.phases.length > 1 &&
      select("phase", "Phase", head.phases, state.get("phase"), state, false, first(head.phases)),
    page.unit && unitButtons(state),
    themeButton(state),
    copyButton(state),
  );
}

/**
 * @param {string} name
 * @param {string} label
 * @param {Named[]} options
 * @param {string} value
 * @param {State} state
 * @param {boolean} [disabled]
 * @param {string} [standard] the value that the address leaves out
 */
function select(name, label, options, value, state, disabled = false, standard = "") {
  const made = options.map((option) =>
    element("option", { value: option.name, selected: option.name === value }, option.label),
  );
  const changed = (/** @type {any} */ event) => {
    const chosen = event.target.value === standard ? "" : event.target.value;
    state.set(name === "run" ? { run: chosen, variant: "", phase: "", step: "", beside: "", against: "", zoom: "" } : { [name]: chosen });
  };
  return element(
    "label",
    { class: `choose choose-${name}` },
    element("span", {}, label),
    element("select", { "aria-label": label, "data-name": name, disabled, change: changed }, ...made),
  );
}

/** @param {State} state */
function unitButtons(state) {
  const chosen = state.get("unit");
  const buttons = [
    ["", "ms"],
    ["%", "%"],
  ].map(([unit, label]) =>
    element("button", { "aria-pressed": String(unit === chosen), click: () => state.set({ unit }) }, label),
  );
  return element("div", { class: "buttons", role: "group", "aria-label": "Unit" }, ...buttons);
}

/** @param {State} state */
function themeButton(state) {
  const next = isDark(state) ? "light" : "dark";
  const label = next === "dark" ? "Dark" : "Light";
  return element("button", { class: "plain", click: () => toggleTheme(state) }, label);
}

/** @param {State} state */
export function toggleTheme(state) {
  state.set({ theme: isDark(state) ? "light" : "dark" });
}

/**
 * Whether the dark theme is in force: chosen here, else TensorBoard's, else the system's.
 * @param {State} state
 */
export function isDark(state) {
  const chosen = state.get("theme");
  if (chosen) return chosen === "dark";
  try {
    const body = window.parent === window ? null : window.parent.document.body;
    if (body) return body.classList.contains("dark-mode");
  } catch {
    // another site's frame
  }
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

/** @param {State} state */
function copyButton(state) {
  const copy = async (/** @type {any} */ event) => {
    const button = event.currentTarget;
    try {
      await navigator.clipboard.writeText(state.link());
      button.textContent = "Copied";
    } catch {
      window.prompt("The link to what is shown:", state.link());
    }
    setTimeout(() => (button.textContent = "Copy link"), 2000);
  };
  return element("button", { class: "plain copy", click: copy }, "Copy link");
}
