// The emulator as a program: start it, steer it over HTTP, end it. Knows nothing of the SDK.
// Document: emulator/README.md.

import { linesOf, started, stop } from "./program.js";

export const RULE = "Sender";
const KEY = "c2VuZGVyLWtleS1vZi10aGUtZm9yZWlnbi10ZXN0cw==";

/** The emulator of `tests/foreign/run` on a free port, with one rule that may only send and one that may only listen. */
export class Emulator {
  static async start() {
    const rules = ["--rule", `${RULE}=${KEY}:send`, "--rule", `Listener=${KEY}:listen`];
    const child = started("NOTIFICATION_HUBS_EMULATOR", ["--port", "0", ...rules]);
    const settings = {};
    await linesOf(child, (line) => {
      const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
      if (name) settings[name] = value;
      // The hub's name is printed last.
      return name === "NOTIFICATION_HUB_NAME";
    });
    return new Emulator(child, settings);
  }

  constructor(child, settings) {
    this.child = child;
    this.hubName = settings.NOTIFICATION_HUB_NAME;
    this.connectionString = settings.NOTIFICATION_HUB_CONNECTION_STRING;
    this.endpoint = /Endpoint=([^;]+)/.exec(this.connectionString)[1];
  }

  connectionStringOf(rule, key = KEY) {
    return `Endpoint=${this.endpoint};SharedAccessKeyName=${rule};SharedAccessKey=${key}`;
  }

  /** Everything received, in order of arrival. */
  async requests() {
    return (await this.#control("GET", "requests")).json();
  }

  async addFault(fault) {
    await this.#control("POST", "faults", JSON.stringify(fault));
  }

  /** As freshly started: no record, no faults. */
  async forget() {
    await this.#control("DELETE", "requests");
    await this.#control("DELETE", "faults");
  }

  stop() {
    return stop(this.child, "SIGTERM");
  }

  async #control(method, page, body) {
    const answer = await fetch(`${this.endpoint}_emulator/${page}`, { method, body });
    if (!answer.ok) {
      throw new Error(`${method} ${page}: ${answer.status} ${await answer.text()}`);
    }
    return answer;
  }
}
