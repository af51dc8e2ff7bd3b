/** All traced steps of a phase, each as a line on one axis; a click shows one above. */

import { askBytes } from "./api.js";
import { element } from "./dom.js";
import { duration, Step } from "./timeline_data.js";
import { drawSmall, Paint } from "./timeline_draw.js";

const STEPS_MOST = 20;
const EVENTS_MOST = 20_000;
const HEIGHT = 18;

/**
 * Draws the lines, one after the other as they are read; nothing where there are too many.
 * @param {HTMLElement} place
 * @param {Step} shown the step above
 * @param {[string, string, number]} where its variant, phase and place
 * @param {{state: import("./state.js").State, query: Record<string, string>}} context
 */
export async function drawSteps(place, shown, [variant, phase, at], context) {
  const lengths = shown.head.steps;
  if (lengths.length < 2 || lengths.length > STEPS_MOST || shown.count > EVENTS_MOST) return;
  place.append(element("h3", {}, `The ${lengths.length} traced steps`));
  /** @type {(() => void)[]} */
  const redraws = [];
  const last = Math.max(...lengths);
  const lines = lengths.map((length, number) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const line = element(
      "button",
      {
        class: "step-line",
        "aria-pressed": String(number === at),
        click: () => context.state.set({ step: number ? String(number) : "" }),
      },
      element("span", {}, `step ${number + 1}`),
      canvas,
      element("span", { class: "right" }, duration(length)),
    );
    return { canvas, line };
  });
  place.append(...lines.map(({ line }) => line));
  document.addEventListener("theme", function redraw() {
    if (!place.isConnected) document.removeEventListener("theme", redraw);
    else for (const draw of redraws) draw();
  });
  new ResizeObserver(() => redraws.forEach((draw) => draw())).observe(place);
  for (const [number, { canvas }] of lines.entries()) {
    if (!place.isConnected) return;
    const query = { run: context.query.run, variant, phase, step: String(number) };
    const step = number === at ? shown : new Step(await askBytes("timeline", query));
    const draw = () => drawLine(canvas, step, last);
    redraws.push(draw);
    draw();
  }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Step} step
 * @param {number} last the end of the axis, in picoseconds
 */
function drawLine(canvas, step, last) {
  const context = canvas.getContext("2d");
  const width = canvas.clientWidth;
  if (!context || !width) return;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(HEIGHT * ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const place = { left: 0, width, top: 2, height: HEIGHT - 4, first: 0, last };
  drawSmall(context, step, new Paint(context), place);
}
