/** Draws a step on a canvas: what is narrower than a pixel is drawn once for the pixel. */

import { firstAbove, timeTicks } from "./timeline_data.js";

/** @typedef {import("./timeline_data.js").Step} Step */

export const OVERVIEW = 22;
const AXIS = 20;
const GAP = 6;
const STRIP = 34;
const KINDS = ["conv2d", "lrn", "maxpool", "relu", "other"];
const FONT = '12px -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Liberation Sans", sans-serif';

/** Where things are on the canvas, from the top. */
export class Layout {
  /**
   * @param {Step} step
   * @param {number} width in CSS pixels
   */
  constructor(step, width) {
    this.width = width;
    this.left = width < 560 ? 0 : 110;
    const rows = step.lanes.reduce((count, lane) => count + lane.rows.length, 0);
    this.rowHeight = rows <= 6 ? 34 : rows <= 14 ? 20 : 13;
    this.labels = this.left === 0;
    let y = OVERVIEW + AXIS + GAP;
    /** @type {{y: number, lane: number, row: number}[]} */
    this.rows = [];
    /** @type {number[]} */
    this.laneTop = [];
    step.lanes.forEach((lane, number) => {
      if (this.labels) y += 14;
      this.laneTop.push(y);
      lane.rows.forEach((_row, row) => {
        this.rows.push({ y, lane: number, row });
        y += this.rowHeight + 1;
      });
      y += GAP;
    });
    this.strip = y + 4;
    this.height = this.strip + STRIP + 2;
  }

  /**
   * The row at a height; null if there is none.
   * @param {number} y
   */
  rowAt(y) {
    return this.rows.find((row) => y >= row.y && y < row.y + this.rowHeight) ?? null;
  }
}

/** Colors and patterns of the theme in force. */
export class Paint {
  /** @param {CanvasRenderingContext2D} canvas */
  constructor(canvas) {
    const style = getComputedStyle(document.documentElement);
    /** @param {string} name */
    const color = (name) => style.getPropertyValue(`--${name}`).trim() || "#767676";
    this.color = color;
    this.dots = pattern(canvas, 4, (tile) => {
      tile.fillStyle = color("edge");
      tile.fillRect(0, 0, 1, 1);
    });
    /** @type {Map<string, string | CanvasPattern>} */
    this.fills = new Map();
    for (const kind of KINDS) {
      const solid = color(`kind-${kind}`);
      this.fills.set(kind, solid);
      const hatched = pattern(canvas, 8, (tile) => {
        tile.fillStyle = color("bg");
        tile.fillRect(0, 0, 8, 8);
        tile.globalAlpha = 0.18;
        tile.fillStyle = solid;
        tile.fillRect(0, 0, 8, 8);
        tile.globalAlpha = 1;
        tile.strokeStyle = solid;
        tile.lineWidth = 1.8;
        tile.beginPath();
        for (const shift of [-8, 0, 8]) {
          tile.moveTo(shift - 1, 9);
          tile.lineTo(shift + 9, -1);
        }
        tile.stroke();
      });
      this.fills.set(`${kind} backward`, hatched);
    }
  }

  /** @param {import("./timeline_data.js").Op} op */
  of(op) {
    return this.fills.get(op.pass === "backward" ? `${op.color} backward` : op.color) ?? "#767676";
  }
}

/**
 * @param {CanvasRenderingContext2D} canvas
 * @param {number} size
 * @param {(tile: CanvasRenderingContext2D) => void} draw
 */
function pattern(canvas, size, draw) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const context = tile.getContext("2d");
  if (context) draw(context);
  return canvas.createPattern(tile, "repeat") ?? "#767676";
}

/**
 * @typedef {{
 *   step: Step, layout: Layout, paint: Paint, from: number, to: number, first: number, last: number,
 *   selected: number, critical: boolean, matches: Uint8Array | null,
 * }} View what is drawn; times in picoseconds
 */

/**
 * Draws everything.
 * @param {CanvasRenderingContext2D} canvas
 * @param {View} view
 */
export function drawView(canvas, view) {
  const { layout, paint } = view;
  canvas.clearRect(0, 0, layout.width, layout.height);
  canvas.font = FONT;
  canvas.textBaseline = "middle";
  drawOverview(canvas, view);
  drawAxis(canvas, view);
  canvas.save();
  canvas.beginPath();
  canvas.rect(layout.left, OVERVIEW, layout.width - layout.left, layout.height);
  canvas.clip();
  for (const row of layout.rows) drawRow(canvas, view, row);
  drawStrip(canvas, view);
  canvas.restore();
  canvas.fillStyle = paint.color("muted");
  view.step.lanes.forEach(({ lane }, number) => {
    const text = laneName(lane);
    if (layout.labels) canvas.fillText(cut(canvas, text, layout.width - 8), 0, layout.laneTop[number] - 7);
    else canvas.fillText(cut(canvas, text, layout.left - 8), 0, layout.laneTop[number] + layout.rowHeight / 2);
  });
  if (!layout.labels) canvas.fillText("ops running", 0, layout.strip + STRIP / 2);
}

/** @param {{device: string, name: string}} lane */
function laneName(lane) {
  const name = lane.name.replace(/^tf_Compute\/.*?(\d{1,4})$/, "thread …$1").replace(/^Stream #(\d+).*/, "stream $1");
  return lane.device === "CPU" ? name : `${lane.device} ${name}`;
}

/**
 * A text that fits: its middle is left out.
 * @param {CanvasRenderingContext2D} canvas
 * @param {string} text
 * @param {number} width
 */
function cut(canvas, text, width) {
  if (canvas.measureText(text).width <= width) return text;
  let length = Math.min(text.length - 1, 60);
  /** @param {number} size */
  const middle = (size) => `${text.slice(0, Math.ceil(size / 2))}…${text.slice(text.length - Math.floor(size / 2))}`;
  while (length > 1 && canvas.measureText(middle(length)).width > width) length--;
  return middle(length);
}

/**
 * @param {View} view
 * @param {number} time
 */
export function xOf(view, time) {
  const { left, width } = view.layout;
  return left + ((time - view.from) / (view.to - view.from)) * (width - left);
}

/**
 * @param {CanvasRenderingContext2D} canvas
 * @param {View} view
 * @param {{y: number, lane: number, row: number}} place
 */
function drawRow(canvas, view, place) {
  const { step, layout, paint, from, to } = view;
  const row = step.lanes[place.lane].rows[place.row];
  const height = layout.rowHeight;
  const scale = (layout.width - layout.left) / (to - from);
  const pixel = 1 / scale;
  let number = row.after(from);
  /** @type {number[]} */
  const labeled = [];
  while (number < row.start.length && row.start[number] < to) {
    const event = row.events[number];
    const op = step.op[event];
    const x = layout.left + (Math.max(row.start[number], from) - from) * scale;
    const end = layout.left + (Math.min(row.end[number], to) - from) * scale;
    canvas.globalAlpha = view.matches && !view.matches[op] ? 0.15 : 1;
    canvas.fillStyle = paint.of(step.head.ops[op]);
    if (end - x >= 1) {
      canvas.fillRect(x, place.y, Math.max(end - x - 0.5, 1), height);
      if (end - x > 26) labeled.push(event);
      if (view.critical && step.critical[event]) underline(canvas, paint, x, end, place.y + height);
      number++;
    } else {
      // Of events within a pixel the first stands for all.
      const left = Math.floor(x);
      canvas.fillRect(left, place.y, 1, height);
      if (view.critical && step.critical[event]) underline(canvas, paint, left, left + 1, place.y + height);
      number = Math.max(number + 1, firstAbove(row.start, from + (left + 1 - layout.left) * pixel - 1e-3));
    }
  }
  canvas.globalAlpha = 1;
  for (const event of labeled) drawLabel(canvas, view, event, place.y);
  const chosen = view.selected;
  if (chosen >= 0 && row.events.includes(chosen)) {
    const [x, end] = [xOf(view, step.start[chosen]), xOf(view, step.end[chosen])];
    canvas.strokeStyle = paint.color("ink");
    canvas.lineWidth = 3;
    canvas.strokeRect(x, place.y + 1.5, Math.max(end - x, 2), height - 3);
  }
}

/**
 * @param {CanvasRenderingContext2D} canvas
 * @param {Paint} paint
 * @param {number} x
 * @param {number} end
 * @param {number} y
 */
function underline(canvas, paint, x, end, y) {
  canvas.fillStyle = paint.color("ink");
  canvas.fillRect(x, y - 3, Math.max(end - x, 1), 3);
}

/**
 * Names in a block, where they fit.
 * @param {CanvasRenderingContext2D} canvas
 * @param {View} view
 * @param {number} event
 * @param {number} y
 */
function drawLabel(canvas, view, event, y) {
  const { step, layout, paint } = view;
  const op = step.head.ops[step.op[event]];
  const left = Math.max(xOf(view, step.start[event]), layout.left) + 5;
  const room = Math.min(xOf(view, step.end[event]), layout.width) - left - 5;
  const lines = layout.rowHeight >= 30 && op.layer && op.layer !== op.name ? [op.layer, op.kind] : [op.layer || op.name];
  lines.forEach((text, number) => {
    if (canvas.measureText(text).width > room) return;
    const middle = y + (layout.rowHeight * (number + 1)) / (lines.length + 1) + (lines.length > 1 ? (number ? 2 : -2) : 0);
    if (op.pass === "backward") {
      canvas.strokeStyle = paint.color("bg");
      canvas.lineWidth = 3;
      canvas.lineJoin = "round";
      canvas.strokeText(text, left, middle);
    }
    canvas.fillStyle = paint.color(op.pass === "backward" ? "ink" : "bg");
    canvas.fillText(text, left, middle);
  });
}

/**
 * @param {CanvasRenderingContext2D} canvas
 * @param {View} view
 */
function drawAxis(canvas, view) {
  const { layout, paint, from, to } = view;
  for (const [time, label] of timeTicks(from, to, (layout.width - layout.left) / 110)) {
    const x = xOf(view, time);
    canvas.fillStyle = paint.color("grid");
    canvas.fillRect(x, OVERVIEW + AXIS, 1, layout.height);
    canvas.fillStyle = paint.color("muted");
    if (x + canvas.measureText(label).width + 4 < layout.width) canvas.fillText(label, x + 3, OVERVIEW + AXIS / 2 + 2);
    canvas.fillRect(x, OVERVIEW + 4, 1, AXIS - 4);
  }
  const end = xOf(view, view.step.head.wall_ps);
  if (end >= layout.left && end <= layout.width) {
    canvas.fillStyle = paint.color("edge");
    canvas.fillRect(end - 0.5, OVERVIEW + AXIS, 1, layout.height);
  }
}

/**
 * How many ops run, and where none does.
 * @param {CanvasRenderingContext2D} canvas
 * @param {View} view
 */
function drawStrip(canvas, view) {
  const { layout, paint, step, from, to } = view;
  const { time, count, most } = step.running;
  const pixel = (to - from) / (layout.width - layout.left);
  canvas.fillStyle = paint.dots;
  const [begin, end] = [xOf(view, 0), xOf(view, step.head.wall_ps)];
  canvas.fillRect(begin, layout.strip, end - begin, STRIP);
  canvas.fillStyle = paint.color("edge");
  for (let x = layout.left; x < layout.width; x++) {
    const middle = from + (x + 0.5 - layout.left) * pixel;
    const place = firstAbove(time, middle) - 1;
    const running = place >= 0 ? count[place] : 0;
    if (running) {
      const height = (STRIP * running) / Math.max(most, 2);
      canvas.fillRect(x, layout.strip + STRIP - height, 1, height);
    }
  }
}

/**
 * The whole step above, with the part that is shown below.
 * @param {CanvasRenderingContext2D} canvas
 * @param {View} view
 */
function drawOverview(canvas, view) {
  const { layout, paint, step, first, last } = view;
  const { left, width } = layout;
  drawSmall(canvas, step, paint, { left, width, top: 3, height: OVERVIEW - 6, first, last });
  const scale = (width - left) / (last - first);
  const [x, end] = [view.from, view.to].map((time) => left + (time - first) * scale);
  canvas.strokeStyle = paint.color("ink");
  canvas.lineWidth = 1.5;
  canvas.strokeRect(x + 0.75, 1, Math.max(end - x - 1.5, 2), OVERVIEW - 2);
}

/**
 * A step without names, as small as a line.
 * @param {CanvasRenderingContext2D} canvas
 * @param {Step} step
 * @param {Paint} paint
 * @param {{left: number, width: number, top: number, height: number, first: number, last: number}} place
 */
export function drawSmall(canvas, step, paint, { left, width, top, height, first, last }) {
  const scale = (width - left) / (last - first);
  const rows = step.lanes.flatMap((lane) => lane.rows);
  const each = Math.max(height / rows.length, 1);
  rows.forEach((row, number) => {
    let event = 0;
    while (event < row.start.length) {
      const x = left + (row.start[event] - first) * scale;
      const end = left + (row.end[event] - first) * scale;
      canvas.fillStyle = paint.of(step.head.ops[step.op[row.events[event]]]);
      canvas.fillRect(x, top + number * each, Math.max(end - x, 1), each);
      const next = first + (Math.max(Math.floor(x) + 1, end) - left) / scale;
      event = Math.max(event + 1, firstAbove(row.start, next - 1e-3));
    }
  });
}
