// The package of deploy/package.sh: what is in it, and that it runs wherever it is unpacked. Document: docs/deploy.md.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import "../node-18.js";

import { AcsPush } from "../acs-push.js";
import { Emulator } from "../emulator.js";
import { built } from "../program.js";
import { NameServer } from "./name-server.js";

const LIMIT = { timeout: 60_000 };
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const PACKAGE = join(ROOT, "target/package/acs-push.zip");
const NUMBER = "15555555555";
const TOKEN = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

const made = [];

function folder() {
  const path = mkdtempSync(join(tmpdir(), "acs-push-package-"));
  made.push(path);
  return path;
}

function output(command, ...args) {
  return execFileSync(command, args, { encoding: "utf8" });
}

/** As Azure unpacks it. */
function unpacked() {
  const target = folder();
  output("unzip", "-q", PACKAGE, "-d", target);
  return target;
}

/** An empty root folder with the program in it. */
function emptyRoot() {
  const target = folder();
  copyFileSync(join(unpacked(), "acs-push"), join(target, "acs-push"));
  return target;
}

/** Starts the program in that root folder, with the emulator as its hub under the name `host`. */
function inRoot(root, emulator, host, settings = {}) {
  const connectionString = emulator.connectionString.replace("127.0.0.1", host);
  return AcsPush.start(
    { NOTIFICATION_HUB_CONNECTION_STRING: connectionString, NOTIFICATION_HUB_NAME: emulator.hubName, ...settings },
    [built("CHROOT"), root, "/acs-push"],
  );
}

/** Registers a phone and delivers an SMS for it; resolves with what the hub received. */
async function deliveredBy(program, emulator, host) {
  const now = new Date().toISOString();
  await program.register("phone", { phoneNumbers: [NUMBER], platform: "apns", pushChannel: TOKEN });
  await program.deliver({
    id: `sms-${now}`,
    topic: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/communicationServices/c",
    subject: `/phonenumber/${NUMBER}`,
    eventType: "Microsoft.Communication.SMSReceived",
    eventTime: now,
    dataVersion: "1.0",
    data: { messageId: now, from: "14255550123", to: NUMBER, message: "Hello", receivedTimestamp: now },
  });
  const requests = await emulator.requests();
  assert.deepEqual(requests.map(({ status }) => status), [201]);
  assert.equal(requests[0].headers.host.split(":")[0], host);
}

let nameServer;

before(async () => {
  nameServer = await NameServer.start("alerts.hub.test", "localhost");
}, LIMIT);

after(() => {
  nameServer?.stop();
  for (const each of made) rmSync(each, { recursive: true });
});

test("it holds the program, host.json and the functions, and nothing else", () => {
  const entries = output("zipinfo", PACKAGE).split("\n").filter((line) => /^[-dl]/.test(line));
  const shown = entries.map((line) => {
    const [mode, , system, , , , , , name] = line.split(/\s+/);
    return `${mode} ${system} ${name}`;
  });
  assert.deepEqual(shown, [
    "-rwxr-xr-x unx acs-push",
    "-rw-r--r-- unx host.json",
    "-rw-r--r-- unx EventGridTrigger/function.json",
    "-rw-r--r-- unx Installations/function.json",
    "-rw-r--r-- unx Maintenance/function.json",
    "-rw-r--r-- unx Status/function.json",
  ]);
});

test("the same input gives the same bytes, whatever the umask and the time zone", LIMIT, () => {
  const sum = () => createHash("sha256").update(readFileSync(PACKAGE)).digest("hex");
  const first = sum();
  const env = { ...process.env, TZ: "Asia/Tokyo" };
  execFileSync("sh", ["-c", "umask 077; touch host.json; rm target/package/acs-push.zip; deploy/package.sh"], {
    cwd: ROOT,
    env,
    stdio: ["ignore", "ignore", "inherit"],
  });
  assert.equal(sum(), first);
});

test("the program needs no library, and has no path or time of its build", () => {
  const program = join(unpacked(), "acs-push");
  assert.match(output("ldd", program), /statically linked/);
  const bytes = readFileSync(program, "latin1");
  for (const path of [ROOT, process.env.CARGO_HOME ?? join(process.env.HOME, ".cargo/registry")]) {
    assert.equal(bytes.includes(path), false, path);
  }
  // As C writes the date of a build; mimalloc has one.
  const dates = bytes.match(/(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d 20\d\d(?=\0)/g);
  assert.deepEqual([...new Set(dates)], ["Jan  1 2020"]);
});

test("the unpacked folder is started by what its host.json says, and not without the mode", LIMIT, async () => {
  const cwd = unpacked();
  const host = JSON.parse(readFileSync(join(cwd, "host.json"), "utf8"));
  const program = join(cwd, host.customHandler.description.defaultExecutablePath);
  const emulator = await Emulator.start();
  const settings = {
    NOTIFICATION_HUB_CONNECTION_STRING: emulator.connectionString,
    NOTIFICATION_HUB_NAME: emulator.hubName,
  };
  const started = await AcsPush.start(settings, [program], { cwd });
  await deliveredBy(started, emulator, "127.0.0.1");
  assert.deepEqual([await started.stop(), await emulator.stop()], [0, 0], "exit codes");

  chmodSync(program, 0o644);
  await assert.rejects(AcsPush.start(settings, [program], { cwd }), { code: "EACCES" });
});

test("in an empty root folder it finds its hub by name", LIMIT, async () => {
  const emulator = await Emulator.start();
  const program = await inRoot(emptyRoot(), emulator, "alerts.hub.test");
  await deliveredBy(program, emulator, "alerts.hub.test");
  assert.ok(nameServer.asked.has("alerts.hub.test"));
  assert.deepEqual([await program.stop(), await emulator.stop()], [0, 0], "exit codes");
});

test("it finds it over TLS, too, with a file of certificates", LIMIT, async () => {
  const emulator = await Emulator.start("--tls");
  const root = emptyRoot();
  copyFileSync(emulator.caFile, join(root, "ca.pem"));
  // The certificate of the emulator is for this name; without /etc/hosts it is asked for as any other.
  const program = await inRoot(root, emulator, "localhost", { SSL_CERT_FILE: "/ca.pem" });
  await deliveredBy(program, emulator, "localhost");
  assert.ok(nameServer.asked.has("localhost"));
  assert.deepEqual([await program.stop(), await emulator.stop()], [0, 0], "exit codes");
});

test("modules for names that another machine's nsswitch.conf asks for are not missed", LIMIT, async () => {
  const emulator = await Emulator.start();
  const root = emptyRoot();
  mkdirSync(join(root, "etc"));
  writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files mymachines mdns4_minimal resolve dns myhostname\n");
  writeFileSync(join(root, "etc/resolv.conf"), "nameserver 127.0.0.1\nsearch internal.test\n");
  const program = await inRoot(root, emulator, "alerts.hub.test");
  await deliveredBy(program, emulator, "alerts.hub.test");
  assert.deepEqual([await program.stop(), await emulator.stop()], [0, 0], "exit codes");
});
