// A program of ours as a child of the tests: started, read, ended. Knows none of them in particular.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Starts the program whose path `tests/foreign/run` put in the environment. */
export function started(variable, args = []) {
  const program = process.env[variable];
  if (!program) {
    throw new Error(`${variable} is not set; start the tests with tests/foreign/run`);
  }
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  // No test run, however it ends, leaves it behind.
  process.once("exit", () => child.kill("SIGKILL"));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.once(signal, () => process.exit(1));
  }
  return child;
}

/** Resolves when `isLast(line)`; goes on reading, so that the pipe never fills. */
export function linesOf(child, isLast) {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => reject(new Error(`${child.spawnfile} ended early: ${signal ?? code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (isLast(line)) resolve();
    });
  });
}

/** Ends the program; resolves with its exit code. */
export async function stop(child, signal) {
  const exited = once(child, "exit");
  child.kill(signal);
  const [code] = await exited;
  return code;
}
