// Beside ESLint's own rules: names from traces are text, so nothing may read them as markup.
const js = require("@eslint/js");

const MARKUP = "innerHTML, outerHTML and the like read markup: make elements with dom.js";
const markup = ["innerHTML", "outerHTML", "srcdoc"].map((name) => ({
  selector: `AssignmentExpression > MemberExpression.left[property.name='${name}']`,
  message: MARKUP,
}));
const calls = ["insertAdjacentHTML", "write", "writeln", "createContextualFragment"].map((name) => ({
  selector: `CallExpression > MemberExpression.callee[property.name='${name}']`,
  message: MARKUP,
}));

module.exports = [
  { ignores: ["**/vega.js"] },
  js.configs.recommended,
  {
    languageOptions: {
      ecmaVersion: 2022,
      sourceType: "module",
      globals: Object.fromEntries(
        (
          "window document location navigator history fetch console setTimeout clearTimeout setInterval " +
          "requestAnimationFrame getComputedStyle MessageChannel MutationObserver ResizeObserver " +
          "CustomEvent DOMParser URLSearchParams AbortController TextDecoder " +
          "HTMLElement KeyboardEvent Event"
        )
          .split(" ")
          .map((name) => [name, "readonly"]),
      ),
    },
    rules: {
      "no-restricted-syntax": ["error", ...markup, ...calls],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "prefer-const": "error",
      eqeqeq: "error",
      "max-lines": ["error", 400],
    },
  },
];
