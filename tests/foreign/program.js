// A program of this repository under test: start it, read its output until it is ready, end it.
// Knows nothing of what the programs do.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Where `tests/foreign/run` says that a program is. */
export function built(variable) {
  const program = process.env[variable];
  if (!program) {
    throw new Error(`${variable} is not set; start the tests with tests/foreign/run`);
  }
  return program;
}

/**
 * Starts `file` and resolves with the child process as soon as `isReady` says so of a line of its standard output,
 * which is read to the end, so that the pipe never fills.
 */
export async function start(file, args, options, isReady) {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"], ...options });
  endWith(child);
  await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => reject(new Error(`${file} ended early: ${signal ?? code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => isReady(line) && resolve());
  });
  return child;
}

/** Ends a program as the platform would; resolves with its exit code. */
export async function stop(child) {
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const [code] = await exited;
  return code;
}

/** No test run, however it ends, leaves a program behind. */
function endWith(child) {
  process.once("exit", () => child.kill("SIGKILL"));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.once(signal, () => process.exit(1));
  }
}
