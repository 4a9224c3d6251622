// `acs-push check` where its store is Azurite: all is good, and with the store gone or its key wrong that is the one fault.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { Emulator, RULE } from "./emulator.js";
import { built, start, stop } from "./program.js";

const LIMIT = { timeout: 60_000 };
const AZURITE = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "node_modules/.bin/azurite-blob");
const KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

let hub, azurite, endpoint, folder;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "acs-push-check-"));
  hub = await Emulator.start();
  const args = ["--disableTelemetry", "--skipApiVersionCheck", "--blobPort", "0", "--location", folder];
  azurite = await start(AZURITE, args, {}, (line) => {
    endpoint ??= /listens on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
    return endpoint !== undefined;
  });
}, LIMIT);

after(async () => {
  azurite?.kill("SIGKILL");
  await hub?.stop();
  await rm(folder, { recursive: true, force: true });
}, LIMIT);

/** Exit code and report of `check` with that key of the storage account; nothing of it is a secret. */
async function check(key = KEY) {
  const env = {
    NOTIFICATION_HUB_NAME: hub.hubName,
    NOTIFICATION_HUB_CONNECTION_STRING: hub.connectionStringOf(RULE),
    STORE: "azure:acs-push",
    AzureWebJobsStorage: `AccountName=devstoreaccount1;AccountKey=${key};BlobEndpoint=${endpoint}/devstoreaccount1`,
  };
  const [code, output] = await new Promise((resolve) => {
    const done = (error, stdout, stderr) => resolve([error?.code ?? 0, stdout || stderr]);
    execFile(built("ACS_PUSH"), ["check", "--json"], { env, cwd: folder }, done);
  });
  for (const secret of [key, "SharedAccessKey=", "sig="]) {
    assert.ok(!output.includes(secret), output);
  }
  return { code, report: JSON.parse(output) };
}

/** The one fault of a report, which is the store's. */
function faultOfStore({ code, report }) {
  assert.deepEqual([code, report.ok], [1, false]);
  const faults = report.checks.filter((one) => one.state === "fault");
  assert.deepEqual(faults.map(({ name, rests_on }) => [name, rests_on]), [["store", "store"]]);
  return faults[0];
}

test("all is good, and nothing is left in the store but its layout", LIMIT, async () => {
  const { code, report } = await check();
  assert.deepEqual([code, report.ok], [0, true], JSON.stringify(report));
  const store = report.checks.find(({ name }) => name === "store");
  assert.equal(store.state, "ok");
  assert.match(store.text, /Azure container acs-push of account devstoreaccount1: written, read and deleted from/);
  assert.ok(report.checks.some(({ name, state }) => name.startsWith("hub ") && state === "ok"), JSON.stringify(report));
});

test("a wrong key of the account is the one fault", LIMIT, async () => {
  const { text, fix } = faultOfStore(await check(KEY.replace("Eby8", "Abcd")));
  assert.match(text, /the store refused: 403/);
  assert.match(fix, /docs\/operate\.md has the fix under the code store_refused/);
});

test("a store that is gone is the one fault", LIMIT, async () => {
  await stop(azurite);
  const { text, fix } = faultOfStore(await check());
  assert.match(text, /no connection to the store at 127\.0\.0\.1:\d+/);
  assert.match(fix, /store_no_connection/);
});
