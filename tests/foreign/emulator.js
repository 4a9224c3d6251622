// The emulator as a program: start it, steer it over HTTP, end it. Knows nothing of the SDK.
// Document: emulator/README.md.

import { built, start, stop } from "./program.js";

export const RULE = "Sender";
const KEY = "c2VuZGVyLWtleS1vZi10aGUtZm9yZWlnbi10ZXN0cw==";

/** The emulator of `tests/foreign/run` on a free port, with one rule for each right and one for all. */
export class Emulator {
  static async start(...args) {
    const rights = { [RULE]: "send", Listener: "listen", Manager: "send+listen+manage" };
    const rules = Object.entries(rights).flatMap(([rule, right]) => ["--rule", `${rule}=${KEY}:${right}`]);
    const settings = {};
    const child = await start(built("NOTIFICATION_HUBS_EMULATOR"), ["--port", "0", ...rules, ...args], {}, (line) => {
      const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
      if (name) settings[name] = value;
      // The connection string stands before the hub's name.
      return name === "NOTIFICATION_HUB_NAME";
    });
    return new Emulator(child, settings);
  }

  constructor(child, settings) {
    this.child = child;
    this.hubName = settings.NOTIFICATION_HUB_NAME;
    this.connectionString = settings.NOTIFICATION_HUB_CONNECTION_STRING;
    this.endpoint = /Endpoint=([^;]+)/.exec(this.connectionString)[1];
    /** With `--tls` the file with the certificate to trust. */
    this.caFile = settings.CA_FILE;
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

  async setDevice(deviceHandle, state) {
    await this.#control("POST", "devices", JSON.stringify({ deviceHandle, state }));
  }

  /** As freshly started, but for what the hubs themselves keep: no record, no faults, no dead devices. */
  async forget() {
    for (const page of ["requests", "faults", "devices"]) {
      await this.#control("DELETE", page);
    }
  }

  /** Ends the program; resolves with its exit code. */
  stop() {
    return stop(this.child);
  }

  async #control(method, page, body) {
    // The controls answer without TLS, too.
    const endpoint = this.endpoint.replace(/^https:/, "http:");
    const answer = await fetch(`${endpoint}_emulator/${page}`, { method, body });
    if (!answer.ok) {
      throw new Error(`${method} ${page}: ${answer.status} ${await answer.text()}`);
    }
    return answer;
  }
}
