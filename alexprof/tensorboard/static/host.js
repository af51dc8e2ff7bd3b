/** Talks to TensorBoard, in whose frame the page runs. */

const REPLY_MS = 1500;

/** Messages between the page and TensorBoard (its experimental plugin API). */
export class Host {
  constructor() {
    const channel = new MessageChannel();
    this.port = channel.port1;
    this.count = 0;
    /** @type {Map<number, (payload: any) => void>} */
    this.waiting = new Map();
    /** @type {Map<string, () => void>} */
    this.listeners = new Map();
    this.port.onmessage = (event) => this.receive(JSON.parse(event.data));
    if (window.parent !== window) {
      window.parent.postMessage("experimental.bootstrap", "*", [channel.port2]);
    }
  }

  /**
   * @param {{type: string, id: number, isReply: boolean, payload: any}} message
   */
  receive(message) {
    if (message.isReply) {
      this.waiting.get(message.id)?.(message.payload);
      this.waiting.delete(message.id);
      return;
    }
    this.listeners.get(message.type)?.();
    const reply = { type: message.type, id: message.id, payload: null, error: null, isReply: true };
    this.port.postMessage(JSON.stringify(reply));
  }

  /**
   * Calls back whenever TensorBoard says so.
   * @param {string} type
   * @param {() => void} listener
   */
  listen(type, listener) {
    this.listeners.set(type, listener);
  }

  /**
   * The part of TensorBoard's address that is the page's; null without TensorBoard.
   * @returns {Promise<Record<string, string> | null>}
   */
  address() {
    if (window.parent === window) return Promise.resolve(null);
    const id = this.count++;
    const message = {
      type: "experimental.GetURLPluginData",
      id,
      payload: null,
      error: null,
      isReply: false,
    };
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      setTimeout(() => resolve(null), REPLY_MS);
      this.port.postMessage(JSON.stringify(message));
    });
  }
}

/**
 * The window whose address is in the address bar; null if this page may not see it.
 * @returns {Window | null}
 */
export function outerWindow() {
  try {
    void window.parent.location.href;
    return window.parent;
  } catch {
    return null;
  }
}
