/** Asks the plugin's routes. Addresses are relative, so proxies and path prefixes work. */

/** An answer that says in words what is wrong. */
export class Refused extends Error {
  /**
   * @param {string} message
   * @param {number} status
   */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * The address of a route.
 * @param {string} route
 * @param {Record<string, string>} [query] empty values are left out
 */
export function address(route, query = {}) {
  const chosen = Object.entries(query).filter(([, value]) => value !== "");
  const text = new URLSearchParams(chosen).toString();
  return `./data/${route}${text ? `?${text}` : ""}`;
}

/**
 * @param {string} route
 * @param {Record<string, string>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} the JSON; a `Refused` if there is none
 */
export async function ask(route, query, signal) {
  return (await fetched(address(route, query), signal)).json();
}

/**
 * @param {string} route
 * @param {Record<string, string>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<ArrayBuffer>}
 */
export async function askBytes(route, query, signal) {
  return (await fetched(address(route, query), signal)).arrayBuffer();
}

/**
 * @param {string} url
 * @param {AbortSignal} [signal]
 */
async function fetched(url, signal) {
  let answer;
  try {
    answer = await fetch(url, { signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused("TensorBoard does not answer. Is it still running?", 0);
  }
  if (answer.ok) return answer;
  let text = `TensorBoard answers ${answer.status}`;
  try {
    text = (await answer.json()).error ?? text;
  } catch {
    // an answer by TensorBoard itself
  }
  throw new Refused(text, answer.status);
}
