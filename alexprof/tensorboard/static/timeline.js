/**
 * Timelines of steps, one above the other on one axis.
 *
 * A canvas of our own: 100,000 events are more than SVG, and so Vega, can move 30 times a second.
 */

import { askBytes } from "./api.js";
import { element, legend } from "./dom.js";
import { Step } from "./timeline_data.js";
import { drawSteps } from "./timeline_steps.js";
import { drawView, Layout, OVERVIEW, Paint } from "./timeline_draw.js";

/**
 * @typedef {{type: "lanes", title: string, aside: string, steps: [string, string, number][], labels: string[], legend: [string, string][]}} Lanes
 * @typedef {{state: import("./state.js").State, query: Record<string, string>}} Context
 */

const LEAST_PS = 2000;

/**
 * Draws the steps of a block into a place.
 * @param {HTMLElement} place
 * @param {Lanes} block
 * @param {Context} context
 */
export async function drawTimeline(place, block, context) {
  place.append(element("p", { class: "muted", role: "status" }, "Reading the trace …"));
  try {
    const steps = await Promise.all(
      block.steps.map(async ([variant, phase, step]) => {
        const query = { run: context.query.run, variant, phase, step: String(step) };
        return new Step(await askBytes("timeline", query));
      }),
    );
    new Timelines(place, block, steps, context).start();
    const below = element("div", { class: "step-lines" });
    place.append(below);
    await drawSteps(below, steps[0], block.steps[0], context);
  } catch (error) {
    place.replaceChildren(element("p", { class: "warn", role: "alert" }, /** @type {Error} */ (error).message));
  }
}

/** Steps with one window of time. */
class Timelines {
  /**
   * @param {HTMLElement} place
   * @param {Lanes} block
   * @param {Step[]} steps
   * @param {Context} context
   */
  constructor(place, block, steps, context) {
    this.place = place;
    this.context = context;
    this.first = Math.min(...steps.map((step) => step.first));
    this.last = Math.max(...steps.map((step) => step.last), this.first + LEAST_PS);
    this.from = this.first;
    this.to = this.last;
    this.critical = context.state.get("critical") === "1";
    this.query = "";
    this.told = element("p", { class: "told", "aria-live": "polite" });
    this.legend = legend(block.legend);
    this.panels = steps.map((step, place) => new Panel(step, block.labels[place], this));
    this.title = element("h3", {}, block.title);
    this.aside = element("span", { class: "muted" }, block.aside);
    this.frame = 0;
    this.saving = 0;
    this.hint = "Wheel or + − to zoom, 0 for the whole step; drag or ← → to move; ↑ ↓ to go from op to op.";
  }

  start() {
    this.restore();
    this.place.replaceChildren(
      element("div", { class: "caption" }, this.title, this.aside, this.buttons(), this.search()),
      this.legend,
      ...this.panels.map((panel) => panel.root),
      this.told,
    );
    this.tell("");
    const resize = new ResizeObserver(() => this.resize());
    resize.observe(this.place);
    const recolor = () => {
      if (this.place.isConnected) this.resize();
      else document.removeEventListener("theme", recolor);
    };
    document.addEventListener("theme", recolor);
    this.resize();
    this.place.dataset.drawn = "";
  }

  /** Takes the window of time that the address has. */
  restore() {
    const [from, to] = this.context.state.get("zoom").split("_").map(Number);
    if (to > from) this.show(from * 1000, to * 1000, true);
  }

  buttons() {
    const zoom = (/** @type {number} */ factor) => () => this.zoom(factor);
    const critical = element("button", { "aria-pressed": String(this.critical) }, "Critical path");
    critical.addEventListener("click", () => {
      this.critical = !this.critical;
      critical.setAttribute("aria-pressed", String(this.critical));
      this.context.state.set({ critical: this.critical ? "1" : "" }, true);
      this.draw();
    });
    const isKnown = this.panels.some(({ step }) => step.critical.some((value) => value === 1));
    return element(
      "div",
      { class: "choice" },
      element(
        "div",
        { class: "buttons", role: "group", "aria-label": "Zoom" },
        element("button", { "aria-label": "Zoom out", click: zoom(2) }, "−"),
        element("button", { "aria-label": "Zoom in", click: zoom(0.5) }, "+"),
        element("button", { click: () => this.show(this.first, this.last) }, "Whole step"),
      ),
      isKnown && element("div", { class: "buttons" }, critical),
    );
  }

  search() {
    const box = element("input", {
      type: "search",
      class: "filter",
      placeholder: "Find an op",
      "aria-label": "Find an op",
      input: (event) => {
        this.query = event.target.value;
        for (const panel of this.panels) panel.matches = panel.step.matches(this.query);
        this.draw();
      },
      keydown: (event) => {
        if (event.key === "Enter") this.panels[0].goToMatch();
      },
    });
    return box;
  }

  /** @param {string} text */
  tell(text) {
    this.told.textContent = text || this.hint;
  }

  /**
   * Shows a window of time.
   * @param {number} from
   * @param {number} to
   * @param {boolean} [quietly]
   */
  show(from, to, quietly = false) {
    const length = Math.min(Math.max(to - from, LEAST_PS), this.last - this.first);
    this.from = Math.min(Math.max(from, this.first), this.last - length);
    this.to = this.from + length;
    this.draw();
    if (quietly) return;
    clearTimeout(this.saving);
    this.saving = window.setTimeout(() => {
      const whole = this.from <= this.first && this.to >= this.last;
      const zoom = whole ? "" : `${Math.floor(this.from / 1000)}_${Math.ceil(this.to / 1000)}`;
      this.context.state.set({ zoom }, true);
    }, 300);
  }

  /**
   * @param {number} factor
   * @param {number} [at] the time that stays where it is
   */
  zoom(factor, at = (this.from + this.to) / 2) {
    this.show(at - (at - this.from) * factor, at + (this.to - at) * factor);
  }

  resize() {
    for (const panel of this.panels) panel.resize();
    this.draw();
  }

  draw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      for (const panel of this.panels) panel.draw();
    });
  }
}

/** One step. */
class Panel {
  /**
   * @param {Step} step
   * @param {string} label
   * @param {Timelines} all
   */
  constructor(step, label, all) {
    this.step = step;
    this.all = all;
    this.selected = -1;
    /** @type {Uint8Array | null} */
    this.matches = null;
    this.canvas = element("canvas", {
      tabindex: "0",
      role: "application",
      "aria-label": `Timeline of ${label}: ${step.count} events in ${step.lanes.length} lanes`,
    });
    this.root = element("div", { class: "lane-panel" }, element("p", { class: "muted" }, label), this.canvas);
    const context = this.canvas.getContext("2d");
    if (!context) throw new Error("this browser has no canvas");
    this.context = context;
    this.paint = new Paint(context);
    this.layout = new Layout(step, 800);
    /** @type {{x: number, from: number, to: number, overview: boolean} | null} */
    this.drag = null;
    this.listen();
  }

  listen() {
    const canvas = this.canvas;
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", () => (this.drag = null));
    canvas.addEventListener("pointerleave", () => {
      if (!this.drag) this.select(-1);
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(this.root.clientWidth, 200);
    this.layout = new Layout(this.step, width);
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(this.layout.height * ratio);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${this.layout.height}px`;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paint = new Paint(this.context);
  }

  get view() {
    const { from, to, first, last, critical } = this.all;
    const { step, layout, paint, selected, matches } = this;
    return { step, layout, paint, from, to, first, last, critical, selected, matches };
  }

  draw() {
    drawView(this.context, this.view);
  }

  /** @param {number} x */
  timeAt(x) {
    const { left, width } = this.layout;
    return this.all.from + ((x - left) / (width - left)) * (this.all.to - this.all.from);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (sideways) {
      const shift = (event.deltaX / this.layout.width) * (this.all.to - this.all.from);
      this.all.show(this.all.from + shift, this.all.to + shift);
    } else this.all.zoom(2 ** (event.deltaY / 300), this.timeAt(event.offsetX));
  }

  /** @param {PointerEvent} event */
  press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    const overview = event.offsetY < OVERVIEW;
    this.drag = { x: event.offsetX, from: this.all.from, to: this.all.to, overview };
    if (overview) this.center(event.offsetX);
  }

  /**
   * Moves the window to a place of the overview.
   * @param {number} x
   */
  center(x) {
    const { first, last, from, to } = this.all;
    const { left, width } = this.layout;
    const at = first + ((x - left) / (width - left)) * (last - first);
    this.all.show(at - (to - from) / 2, at + (to - from) / 2);
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (this.drag?.overview) this.center(event.offsetX);
    else if (this.drag) {
      const { x, from, to } = this.drag;
      const shift = ((x - event.offsetX) / (this.layout.width - this.layout.left)) * (to - from);
      this.all.show(from + shift, to + shift);
    } else this.select(this.eventAt(event.offsetX, event.offsetY));
  }

  /**
   * The event at a place, or the nearest within three pixels; -1 if there is none.
   * @param {number} x
   * @param {number} y
   */
  eventAt(x, y) {
    const place = this.layout.rowAt(y);
    if (!place || x < this.layout.left) return -1;
    const row = this.step.lanes[place.lane].rows[place.row];
    const [time, near] = [this.timeAt(x), this.timeAt(x + 3) - this.timeAt(x)];
    const number = row.after(time - near);
    return number < row.start.length && row.start[number] <= time + near ? row.events[number] : -1;
  }

  /**
   * @param {number} event
   * @param {boolean} [follow] whether to move the window to it
   */
  select(event, follow = false) {
    if (event === this.selected) return;
    this.selected = event;
    this.all.tell(event < 0 ? "" : this.step.describe(event));
    if (follow && event >= 0) {
      const [start, end] = [this.step.start[event], this.step.end[event]];
      const { from, to } = this.all;
      if (start < from || end > to) {
        const middle = (start + end) / 2;
        this.all.show(middle - (to - from) / 2, middle + (to - from) / 2);
      }
    }
    this.all.draw();
  }

  /** Selects the next event that the search means. */
  goToMatch() {
    const { matches, step } = this;
    if (!matches) return;
    for (let shift = 1; shift <= step.count; shift++) {
      const event = (Math.max(this.selected, -1) + shift + step.count) % step.count;
      if (matches[step.op[event]]) return this.select(event, true);
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const length = this.all.to - this.all.from;
    const at = this.selected >= 0 ? this.step.start[this.selected] : undefined;
    if (event.key === "+" || event.key === "=") this.all.zoom(0.5, at);
    else if (event.key === "-" || event.key === "−") this.all.zoom(2, at);
    else if (event.key === "0") this.all.show(this.all.first, this.all.last);
    else if (event.key === "ArrowLeft") this.all.show(this.all.from - length / 8, this.all.to - length / 8);
    else if (event.key === "ArrowRight") this.all.show(this.all.from + length / 8, this.all.to + length / 8);
    else if (event.key === "ArrowDown") this.select(Math.min(this.selected + 1, this.step.count - 1), true);
    else if (event.key === "ArrowUp") this.select(Math.max(this.selected - 1, 0), true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

