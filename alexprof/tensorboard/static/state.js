/** What is shown: kept in TensorBoard's own address, as `p.alexprof.<name>`; defaults are left out. */

import { outerWindow } from "./host.js";

/** @typedef {import("./host.js").Host} Host */

const PREFIX = "p.alexprof.";
const TAB = "alexprof";
const NAMES = new Set(
  ("page run variant phase unit roll depth idle sort q step beside against zoom critical color theme").split(" "),
);

export class State {
  /** @param {Host} host */
  constructor(host) {
    this.host = host;
    /** @type {Record<string, string>} */
    this.values = {};
    /** @type {(changed: string[]) => void} */
    this.onchange = () => {};
  }

  /**
   * Reads the address: itself where it can be seen, because TensorBoard 2.21 hands out nothing of
   * the one that it was opened with; else by TensorBoard.
   */
  async load() {
    const outer = outerWindow();
    const values = outer ? fromHash(outer.location.hash) : ((await this.host.address()) ?? {});
    this.values = Object.fromEntries(Object.entries(values).filter(([name]) => NAMES.has(name)));
  }

  /**
   * @param {string} name
   * @returns {string} "" if not chosen
   */
  get(name) {
    return this.values[name] ?? "";
  }

  /**
   * Changes what is shown, without a new entry in the browser's history.
   * @param {Record<string, string>} changes "" takes the default
   * @param {boolean} [quietly] whether nothing has to be drawn anew
   */
  set(changes, quietly = false) {
    const changed = Object.keys(changes).filter((name) => this.get(name) !== changes[name]);
    if (!changed.length) return;
    for (const name of changed) {
      if (changes[name]) this.values[name] = changes[name];
      else delete this.values[name];
    }
    const outer = outerWindow();
    if (outer) {
      // A frame's own address is relative to its <base>, so the whole path is given.
      const { pathname, search, hash } = outer.location;
      outer.history.replaceState(outer.history.state, "", pathname + search + this.hash(hash));
    }
    if (!quietly) this.onchange(changed);
  }

  /** The address that restores what is shown. */
  link() {
    const here = (outerWindow() ?? window).location;
    return here.href.split("#")[0] + this.hash(here.hash);
  }

  /**
   * @param {string} hash the address's, of which the other parts stay
   * @returns {string}
   */
  hash(hash) {
    const others = hash
      .slice(1)
      .split("&")
      .filter((part) => part && part !== TAB && !part.startsWith(PREFIX));
    const own = Object.entries(this.values).map(
      ([name, value]) => `${PREFIX}${name}=${encodeURIComponent(value)}`,
    );
    const tab = window.parent === window ? [] : [TAB];
    return `#${[...tab, ...own, ...others].join("&")}`;
  }
}

/**
 * @param {string} hash
 * @returns {Record<string, string>}
 */
function fromHash(hash) {
  const pairs = hash
    .slice(1)
    .split("&")
    .filter((part) => part.startsWith(PREFIX) && part.includes("="))
    .map((part) => {
      const [name, value] = part.slice(PREFIX.length).split(/=(.*)/s);
      return [name, decoded(value)];
    });
  return Object.fromEntries(pairs);
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
