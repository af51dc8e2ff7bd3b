/** Makes elements. Text is always text: nothing here reads markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {string | Node | null | undefined | false} Child
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes
 */

/**
 * Makes an HTML element; an attribute that is a function listens to the event of its name.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/**
 * Makes an SVG element.
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[Name]}
 */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

/**
 * @template {Element} Made
 * @param {Made} made
 * @param {Attributes} attributes
 * @param {Child[]} children
 * @returns {Made}
 */
function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? "" : String(value));
    }
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/**
 * Samples of fills, each with its meaning.
 * @param {[string, string][]} fills
 */
export function legend(fills) {
  const samples = fills.map(([fill, label]) =>
    element(
      "span",
      {},
      svg(
        "svg",
        { width: 22, height: 12, "aria-hidden": "true" },
        svg("rect", { width: 22, height: 12, fill, stroke: "var(--rule)" }),
      ),
      ` ${label}`,
    ),
  );
  return element("div", { class: "legend" }, ...samples);
}

/**
 * Loads a style sheet.
 * @param {string} url
 * @returns {Promise<void>}
 */
export function styles(url) {
  return new Promise((resolve, reject) => {
    const failed = () => reject(new Error(`${url} can't be loaded`));
    document.head.append(
      element("link", { rel: "stylesheet", href: url, load: () => resolve(), error: failed }),
    );
  });
}
