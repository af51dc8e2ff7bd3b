/** The events of a step, decoded and laid out in rows in which none overlap. */

/**
 * @typedef {{device: string, name: string}} Lane
 * @typedef {{name: string, type: string, kind: string, layer: string, pass: string, color: string}} Op
 * @typedef {{
 *   wall_ps: number, steps: number[], device: string, lanes: Lane[], ops: Op[], kernels: string[],
 *   columns: {name: string, type: string, offset: number, length: number}[],
 * }} Head
 * @typedef {{lane: Lane, rows: Row[]}} Laid
 */

const ROWS_MOST = 8;
const EMPTY = new Float64Array(0);

/** Events that follow each other, by begin. */
export class Row {
  /**
   * @param {Step} step
   * @param {number[]} events
   */
  constructor(step, events) {
    this.events = Int32Array.from(events);
    this.start = Float64Array.from(events, (event) => step.start[event]);
    this.end = Float64Array.from(events, (event) => step.end[event]);
  }

  /**
   * The place of the first event that ends after a time.
   * @param {number} time
   */
  after(time) {
    return firstAbove(this.end, time);
  }
}

export class Step {
  /** @param {ArrayBuffer} bytes as `alexprof.tensorboard.timeline.encode_step` makes them */
  constructor(bytes) {
    const length = new DataView(bytes).getUint32(0, true);
    /** @type {Head} */
    this.head = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
    /** @type {Record<string, any>} */
    const columns = {};
    for (const { name, type, offset, length: size } of this.head.columns) {
      const Column = { f8: Float64Array, i4: Int32Array, u1: Uint8Array }[type] ?? Uint8Array;
      columns[name] = size ? new Column(bytes, 4 + length + offset, size) : new Column(0);
    }
    /** @type {Float64Array} */
    this.start = columns.start_ps ?? EMPTY;
    /** @type {Float64Array} */
    this.end = columns.end_ps ?? EMPTY;
    /** @type {Float64Array} */
    this.share = columns.share_ps ?? EMPTY;
    /** @type {Int32Array} */
    this.lane = columns.lane;
    /** @type {Int32Array} */
    this.op = columns.op;
    /** @type {Int32Array} */
    this.kernel = columns.kernel;
    /** @type {Uint8Array} */
    this.critical = columns.critical;
    this.count = this.start.length;
    this.first = Math.min(0, this.count ? this.start[0] : 0);
    this.last = this.end.reduce((last, end) => Math.max(last, end), this.head.wall_ps);
    this.lanes = this.layLanes();
    this.running = this.countRunning();
  }

  /**
   * Lays the events of each lane into rows: an event that begins before another has ended goes a
   * row further down.
   * @returns {Laid[]}
   */
  layLanes() {
    /** @type {number[][][]} */
    const rows = this.head.lanes.map(() => []);
    /** @type {number[][]} */
    const ends = this.head.lanes.map(() => []);
    for (let event = 0; event < this.count; event++) {
      const lane = this.lane[event];
      let row = ends[lane].findIndex((end) => end <= this.start[event]);
      if (row < 0) row = Math.min(ends[lane].length, ROWS_MOST - 1);
      (rows[lane][row] ??= []).push(event);
      ends[lane][row] = Math.max(ends[lane][row] ?? -Infinity, this.end[event]);
    }
    return this.head.lanes.map((lane, number) => ({
      lane,
      rows: rows[number].map((events) => new Row(this, events)),
    }));
  }

  /** How many events of the step's device run from each time on. */
  countRunning() {
    const own = this.head.lanes.map((lane) => lane.device === this.head.device);
    const events = [...this.op.keys()].filter((event) => own[this.lane[event]]);
    const start = Float64Array.from(events, (event) => this.start[event]).sort();
    const end = Float64Array.from(events, (event) => this.end[event]).sort();
    const time = new Float64Array(start.length * 2);
    const count = new Int32Array(start.length * 2);
    let [begun, ended, most] = [0, 0, 0];
    for (let place = 0; place < time.length; place++) {
      if (begun < start.length && start[begun] < end[ended]) time[place] = start[begun++];
      else time[place] = end[ended++];
      count[place] = begun - ended;
      most = Math.max(most, begun - ended);
    }
    return { time, count, most };
  }

  /**
   * What is told of an event.
   * @param {number} event
   */
  describe(event) {
    const op = this.head.ops[this.op[event]];
    const length = this.end[event] - this.start[event];
    const parts = [
      `${op.name} (${op.kind}${op.pass ? `, ${op.pass}` : ""})`,
      op.layer && op.layer !== op.name ? `layer ${op.layer}` : "",
      `from ${duration(this.start[event])} to ${duration(this.end[event])}`,
      `${duration(length)} long, share ${duration(this.share[event])}`,
      this.head.kernels[this.kernel[event]] ? `kernel ${this.head.kernels[this.kernel[event]]}` : "",
    ];
    return `${parts.filter(Boolean).join("; ")}.`;
  }

  /**
   * Which ops a search means.
   * @param {string} query
   * @returns {Uint8Array | null} 1 for each op that matches; null without a search
   */
  matches(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return null;
    return Uint8Array.from(this.head.ops, (op) => {
      const text = `${op.name} ${op.type} ${op.kind} ${op.layer} ${op.pass}`.toLowerCase();
      return words.every((word) => text.includes(word)) ? 1 : 0;
    });
  }
}

/**
 * The place of the first value above a limit, in values that never fall.
 * @param {Float64Array} values
 * @param {number} limit
 */
export function firstAbove(values, limit) {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

const UNITS = /** @type {[string, number][]} */ ([
  ["s", 1e12],
  ["ms", 1e9],
  ["µs", 1e6],
  ["ns", 1e3],
]);

/**
 * A time with its unit: "12.3 ms".
 * @param {number} ps picoseconds
 */
export function duration(ps) {
  const [name, size] = UNITS.find(([, unit]) => Math.abs(ps) >= unit * 0.9995) ?? UNITS[3];
  const value = Math.abs(ps) / size;
  const decimals = value >= 100 || value === 0 ? 0 : value >= 10 ? 1 : 2;
  return `${ps < 0 ? "−" : ""}${value.toFixed(decimals)}\u00a0${name}`;
}

/**
 * Nice places for ticks, and their labels in one unit.
 * @param {number} from
 * @param {number} to
 * @param {number} about how many
 * @returns {[number, string][]}
 */
export function timeTicks(from, to, about) {
  const rough = (to - from) / Math.max(about, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((size) => size * power).find((size) => size >= rough) ?? rough;
  const [name, size] = UNITS.find(([, unit]) => Math.max(Math.abs(from), Math.abs(to)) >= unit) ?? UNITS[3];
  const decimals = Math.max(0, -Math.floor(Math.log10(step / size) + 1e-9));
  /** @type {[number, string][]} */
  const ticks = [];
  for (let place = Math.ceil(from / step); place * step <= to; place++) {
    const text = ((place * step) / size).toFixed(decimals).replace("-", "−");
    ticks.push([place * step, ticks.length ? text : `${text}\u00a0${name}`]);
  }
  return ticks;
}
