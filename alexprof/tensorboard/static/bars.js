/** Bars in cells of tables. */

import { svg } from "./dom.js";

/**
 * @typedef {{start: number, end: number, mark: string, kind: string}} Piece
 * @typedef {{low: number, high: number, ticks: [number, string][]}} Axis
 */

const WIDTH = 200;
const HEIGHT = 14;
/** @type {Record<string, string>} */
const POINTS = { whole: "◆", "whole, open": "◇", part: "■", "part, open": "□", dot: "○" };

/**
 * Draws a bar on its table's axis.
 * @param {Piece[]} pieces
 * @param {Axis} axis
 */
export function bar(pieces, axis) {
  const drawn = pieces.map((piece) => drawPiece(piece, axis));
  return svg("svg", { width: WIDTH, height: HEIGHT, "aria-hidden": "true" }, ...drawn);
}

/**
 * The labels of an axis, as wide as its bars.
 * @param {Axis} axis
 */
export function ticks(axis) {
  const labels = axis.ticks.map(([value, label]) => {
    const x = place(value, axis);
    const anchor = x < 8 ? "start" : x > WIDTH - 8 ? "end" : "middle";
    return svg("text", { x, y: 11, "text-anchor": anchor, "font-size": 11, fill: "var(--muted)" }, label);
  });
  return svg("svg", { width: WIDTH, height: HEIGHT, "aria-hidden": "true" }, ...labels);
}

/**
 * A sample of a mark.
 * @param {string} mark
 */
export function sample(mark) {
  const piece = { start: 0, end: 1, mark, kind: "" };
  const drawn = drawPiece(piece, { low: 0, high: WIDTH / 10, ticks: [] });
  return svg("svg", { width: 10, height: HEIGHT, class: "sample", "aria-hidden": "true" }, drawn);
}

/**
 * @param {number} value
 * @param {Axis} axis
 */
function place(value, axis) {
  return ((value - axis.low) / (axis.high - axis.low || 1)) * WIDTH;
}

/**
 * @param {Piece} piece
 * @param {Axis} axis
 */
function drawPiece(piece, axis) {
  let [start, end] = [place(piece.start, axis), place(piece.end, axis)].sort((a, b) => a - b);
  if (piece.mark === "zero") {
    return svg("path", { d: `M${start} 0V${HEIGHT}`, stroke: "var(--edge)", "stroke-dasharray": "2 2" });
  }
  if (piece.mark in POINTS) return point(piece.mark, start);
  const [cutLeft, cutRight] = [start < 0, end > WIDTH];
  if (start > WIDTH || end < 0) return svg("g");
  [start, end] = [Math.max(start, 0), Math.min(end, WIDTH)];
  if (piece.mark === "interval") return whisker(start, end, cutLeft, cutRight);
  const width = end > start ? Math.max(end - start, 0.5) : 0;
  return svg("rect", { x: start, width, y: 2, height: HEIGHT - 4, ...fill(piece) });
}

/**
 * @param {string} mark
 * @param {number} x
 */
function point(mark, x) {
  if (x < 0 || x > WIDTH) {
    const d = x < 0 ? "M6 3L0 7L6 11Z" : `M${WIDTH - 6} 3L${WIDTH} 7L${WIDTH - 6} 11Z`;
    return svg("path", { d, fill: "var(--muted)" });
  }
  if (mark === "dot") {
    return svg("circle", { cx: x, cy: HEIGHT / 2, r: 2.5, fill: "none", stroke: "var(--ink)" });
  }
  const look = { x, y: HEIGHT - 3, "text-anchor": "middle", "font-size": 11, fill: "var(--ink)" };
  return svg("text", look, POINTS[mark]);
}

/**
 * @param {Piece} piece
 * @returns {Record<string, string>}
 */
function fill(piece) {
  const name = piece.kind || "other";
  const color = piece.kind ? `var(--kind-${name})` : "var(--muted)";
  if (piece.mark === "backward") return { fill: `url(#hatch-${name})` };
  if (piece.mark === "idle") {
    return { fill: "url(#dots)", stroke: "var(--edge)", "stroke-width": "0.5" };
  }
  if (piece.mark === "remainder") {
    return { fill: "none", stroke: "var(--ink)", "stroke-dasharray": "3 2" };
  }
  if (piece.mark === "pass") return { fill: color, "fill-opacity": "0.45" };
  return { fill: piece.mark === "measured" ? "var(--ink)" : color };
}

/**
 * An interval; an arrow where it goes on beyond the axis.
 * @param {number} start
 * @param {number} end
 * @param {boolean} cutLeft
 * @param {boolean} cutRight
 */
function whisker(start, end, cutLeft, cutRight) {
  const low = cutLeft ? "l4 -4m-4 4l4 4" : "m0 -4v8";
  const high = cutRight ? "l-4 -4m4 4l-4 4" : "m0 -4v8";
  const d = `M${start} 7H${end}${high}M${start} 7${low}`;
  return svg("path", { d, fill: "none", stroke: "var(--ink)", "stroke-width": 2 });
}
