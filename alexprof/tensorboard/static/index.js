/** The AlexProf tab: draws what the plugin's routes say, and computes nothing. */

import { ask, Refused } from "./api.js";
import { drawControls, goTo, isDark, toggleTheme } from "./controls.js";
import { element, styles } from "./dom.js";
import { loadVega } from "./figure.js";
import { Host, outerWindow } from "./host.js";
import { drawPage } from "./page.js";
import { State } from "./state.js";

/**
 * @typedef {import("./controls.js").Lists} Lists
 * @typedef {import("./controls.js").Run} Run
 */

const POLL_MS = 15_000;
const PAGE_CHOICES = ["variant", "phase", "unit", "roll", "depth", "idle", "step", "beside", "against"];

/** Draws the tab; TensorBoard calls it once. */
export async function render() {
  document.documentElement.lang = "en";
  document.title = "AlexProf";
  const host = new Host();
  const [state] = await Promise.all([opened(host), styles("./palette.css"), styles("./style.css"), addPatterns()]);
  await new Tab(host, state).start();
}

/** @param {Host} host */
async function opened(host) {
  const state = new State(host);
  await state.load();
  return state;
}

/** Adds hatching and dots, which charts fill blocks with. */
async function addPatterns() {
  const answer = await fetch("./patterns.svg");
  const drawn = new DOMParser().parseFromString(await answer.text(), "image/svg+xml");
  document.body.append(document.importNode(drawn.documentElement, true));
}

class Tab {
  /**
   * @param {Host} host
   * @param {State} state
   */
  constructor(host, state) {
    this.host = host;
    this.state = state;
    /** @type {Lists} */
    this.lists = { runs: [], pages: [] };
    this.listed = "";
    this.drawn = "";
    this.request = new AbortController();
    this.top = element("div", { class: "top" });
    this.main = element("main", {});
    this.keys = element("footer", { class: "keys" });
  }

  async start() {
    document.body.append(this.top, this.main, this.keys);
    this.theme();
    this.state.onchange = (changed) => this.changed(changed);
    this.host.listen("experimental.DataReloaded", () => this.reload());
    this.host.listen("experimental.RunsChanged", () => this.reload());
    document.addEventListener("keydown", (event) => this.key(event));
    const outer = outerWindow();
    if (outer && outer !== window) {
      new MutationObserver(() => this.theme()).observe(outer.document.body, {
        attributes: true,
        attributeFilter: ["class"],
      });
    }
    this.main.append(loading("Reading the list of runs …"));
    loadVega();
    await this.reload();
    setInterval(() => {
      if (document.visibilityState === "visible") this.reload();
    }, POLL_MS);
  }

  /** Reads the list of runs, and the page if it may have changed. */
  async reload() {
    let lists;
    try {
      lists = await ask("runs");
    } catch (error) {
      if (!this.listed) this.failed(error);
      return;
    }
    const listed = JSON.stringify(lists);
    if (listed === this.listed) return;
    this.listed = listed;
    this.lists = lists;
    await this.draw();
  }

  /** @returns {Run | null} */
  get run() {
    const chosen = this.state.get("run");
    const { runs } = this.lists;
    return runs.find((run) => run.name === chosen) ?? (chosen ? null : (runs[0] ?? null));
  }

  get page() {
    const { pages } = this.lists;
    return pages.find((page) => page.name === this.state.get("page")) ?? pages[0];
  }

  theme() {
    document.documentElement.dataset.theme = isDark(this.state) ? "dark" : "light";
    document.dispatchEvent(new CustomEvent("theme"));
  }

  /** @param {string[]} changed */
  changed(changed) {
    if (changed.includes("theme")) this.theme();
    const isPage = changed.some((name) => name === "page" || name === "run" || PAGE_CHOICES.includes(name));
    if (isPage || changed.includes("q") || changed.includes("sort")) this.draw(changed.includes("page"));
    else this.drawControls();
  }

  drawControls() {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    const name = focused?.closest(".top") ? focused.dataset.name : undefined;
    this.top.replaceChildren(drawControls(this.lists, this.run, this.page, this.state));
    if (name) /** @type {HTMLElement | null} */ (this.top.querySelector(`[data-name="${name}"]`))?.focus();
  }

  /**
   * Reads the page and draws it; an answer that comes too late is dropped.
   * @param {boolean} [isOther] whether another page is shown than before
   */
  async draw(isOther = false) {
    this.request.abort();
    const request = (this.request = new AbortController());
    this.drawControls();
    this.drawKeys();
    const run = this.run;
    if (!run) {
      this.main.replaceChildren(...this.nothing());
      return;
    }
    const query = { run: run.name, ...this.chosen(run) };
    const waits = setTimeout(() => {
      if (isOther || !this.main.querySelector("h1")) this.main.replaceChildren(loading(`Reading ${run.name} …`));
    }, 150);
    try {
      const page = await ask("page", { ...query, page: this.page.name }, request.signal);
      clearTimeout(waits);
      const shown = { state: this.state, query };
      const banner = run.head.complete ? [] : [element("p", { class: "banner" }, incomplete(run))];
      this.main.dataset.page = this.page.name;
      this.main.replaceChildren(...banner, ...drawPage(page, shown));
      if (isOther) window.scrollTo(0, 0);
    } catch (error) {
      clearTimeout(waits);
      if (!request.signal.aborted) this.failed(error);
    }
  }

  /**
   * What was chosen, as far as the run has it: a link may name a variant of another one.
   * @param {Run} run
   */
  chosen(run) {
    /** @type {Record<string, string>} */
    const query = {};
    for (const name of PAGE_CHOICES) query[name] = this.state.get(name);
    const has = (/** @type {{name: string}[]} */ names, /** @type {string} */ name) => names.some((each) => each.name === name);
    if (!has(run.head.variants, query.variant)) query.variant = "";
    if (!has(run.head.phases, query.phase)) query.phase = "";
    return query;
  }

  nothing() {
    const chosen = this.state.get("run");
    if (chosen && this.lists.runs.length) {
      return [
        element("h1", {}, "Which run?"),
        element("h2", { class: "lead" }, `This logdir has no run ${chosen}.`),
        element("p", { class: "remark" }, "Choose another one above. A link may be older than its run."),
      ];
    }
    return [
      element("h1", {}, "What does a step cost?"),
      element("h2", { class: "lead" }, "This logdir has no run yet."),
      element("p", { class: "remark" }, "Make one, and it appears here; the page need not be reloaded:"),
      element("pre", {}, "alexprof profile --logdir LOGDIR"),
      element("p", { class: "remark" }, "Runs that an earlier AlexProf made appear after:"),
      element("pre", {}, "alexprof export RUN --format tensorboard"),
    ];
  }

  /** @param {unknown} error */
  failed(error) {
    const known = error instanceof Refused;
    const message = /** @type {Error} */ (error).message;
    this.main.replaceChildren(
      element("h1", {}, this.page?.label ?? "AlexProf"),
      element("h2", { class: "lead" }, "This can't be shown."),
      element("p", { class: "warn", role: "alert" }, message),
      ...(known ? [] : [element("p", { class: "remark" }, "This is an error in AlexProf.")]),
    );
    if (!known) console.error(error);
  }

  drawKeys() {
    const keys = [
      [`1–${this.lists.pages.length}`, "page"],
      ["v", "variant"],
      ["p", "phase"],
      ["u", "unit"],
      ["/", "filter"],
      ["t", "theme"],
    ];
    const texts = keys.flatMap(([key, label]) => [element("kbd", {}, key), ` ${label} `]);
    this.keys.replaceChildren(...texts);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.matches("input, textarea, select")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    const page = this.lists.pages[Number(event.key) - 1];
    if (page) goTo(page.name, this.lists, this.state);
    else if (event.key === "v") this.next("variant");
    else if (event.key === "p") this.next("phase");
    else if (event.key === "u" && this.page.unit) this.state.set({ unit: this.state.get("unit") ? "" : "%" });
    else if (event.key === "t") toggleTheme(this.state);
    else if (event.key === "/") {
      const box = /** @type {HTMLElement | null} */ (document.querySelector(".main-filter") ?? document.querySelector(".filter"));
      box?.focus();
    } else return;
    event.preventDefault();
  }

  /**
   * Chooses the next of the run's variants or phases.
   * @param {"variant" | "phase"} name
   */
  next(name) {
    const run = this.run;
    if (!run || (name === "variant" && this.page.variant === "both")) return;
    const names = (name === "variant" ? run.head.variants : run.head.phases).map((each) => each.name);
    const place = Math.max(names.indexOf(this.state.get(name)), 0);
    const next = (place + 1) % names.length;
    this.state.set({ [name]: next ? names[next] : "" });
  }
}

/** @param {Run} run */
function incomplete(run) {
  return `${run.name} is incomplete: finished phases are whole, the rest with what there is.`;
}

/** @param {string} text */
function loading(text) {
  return element(
    "div",
    { class: "loading" },
    element("p", { role: "status" }, text),
    ...["answer", "chart", "rows"].map((name) => element("div", { class: `place ${name}`, "aria-hidden": "true" })),
  );
}
