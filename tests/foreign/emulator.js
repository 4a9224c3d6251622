// The emulator as a program: start it, steer it over HTTP, end it. Knows nothing of the SDK.
// Document: emulator/README.md.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export const RULE = "Sender";
const KEY = "c2VuZGVyLWtleS1vZi10aGUtZm9yZWlnbi10ZXN0cw==";

/** The emulator of `tests/foreign/run` on a free port, with one rule that may only send and one that may only listen. */
export class Emulator {
  static async start() {
    const program = process.env.NOTIFICATION_HUBS_EMULATOR;
    if (!program) {
      throw new Error("NOTIFICATION_HUBS_EMULATOR is not set; start the tests with tests/foreign/run");
    }
    const rules = ["--rule", `${RULE}=${KEY}:send`, "--rule", `Listener=${KEY}:listen`];
    const child = spawn(program, ["--port", "0", ...rules], { stdio: ["ignore", "pipe", "inherit"] });
    endWith(child);
    const settings = await settingsPrintedBy(child);
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

  /** Ends the program; resolves with its exit code. */
  async stop() {
    const exited = once(this.child, "exit");
    this.child.kill("SIGTERM");
    const [code] = await exited;
    return code;
  }

  async #control(method, page, body) {
    const answer = await fetch(`${this.endpoint}_emulator/${page}`, { method, body });
    if (!answer.ok) {
      throw new Error(`${method} ${page}: ${answer.status} ${await answer.text()}`);
    }
    return answer;
  }
}

/** Reads the lines NAME=value; goes on reading, so that the pipe never fills. */
function settingsPrintedBy(child) {
  return new Promise((resolve, reject) => {
    const settings = {};
    child.once("error", reject);
    child.once("exit", (code, signal) => reject(new Error(`the emulator ended early: ${signal ?? code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
      if (name) settings[name] = value;
      // The hub's name is printed last.
      if (name === "NOTIFICATION_HUB_NAME") resolve(settings);
    });
  });
}

/** No test run, however it ends, leaves the emulator behind. */
function endWith(child) {
  process.once("exit", () => child.kill("SIGKILL"));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.once(signal, () => process.exit(1));
  }
}
