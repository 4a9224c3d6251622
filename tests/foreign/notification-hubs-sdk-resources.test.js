// What Microsoft's own client asks of a hub besides sending to one device: batches, installations, telemetry and
// feedback, and how it understands what a tier or a rule does not allow.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import "./node-18.js";

import {
  createAppleInstallation,
  createAppleNotification,
  createFcmV1Installation,
  createFcmV1Notification,
  NotificationHubsClient,
} from "@azure/notification-hubs";

import { Emulator, RULE } from "./emulator.js";

const LIMIT = { timeout: 30_000 };
/** Per call: the SDK ignores it among the client's options. */
const PLAIN_HTTP = { requestOptions: { allowInsecureConnection: true } };

const APPLE = createAppleNotification({ body: JSON.stringify({ aps: { alert: "hello" } }) });
const FCM = createFcmV1Notification({ body: JSON.stringify({ message: { data: { a: "b" } } }) });

let emulator;

before(async () => {
  const hubs = ["standard", "basic:basic", "free:free", "busy,budget=1/4"].flatMap((hub) => ["--hub", hub]);
  emulator = await Emulator.start("--faithful", ...hubs);
}, LIMIT);

beforeEach(() => emulator.forget(), LIMIT);

after(async () => {
  assert.equal(await emulator.stop(), 0, "the emulator's exit code");
}, LIMIT);

function client(hubName = "standard", rule = "Manager") {
  return new NotificationHubsClient(emulator.connectionStringOf(rule), hubName);
}

function send(hubName, notification, deviceHandle, rule = RULE) {
  return client(hubName, rule).sendNotification(notification, { deviceHandle, ...PLAIN_HTTP });
}

function refused(calling, statusCode, message) {
  return assert.rejects(calling, { name: "RestError", statusCode, message });
}

for (const [notification, platform] of [[APPLE, "apple"], [FCM, "fcmv1"]]) {
  test(`a batch for ${platform} is accepted with its handles and counted device by device`, LIMIT, async () => {
    await emulator.setDevice("2b", "expired");

    const response = await send("standard", notification, ["1a", "2b", "3c"]);

    const [request, ...others] = await emulator.requests();
    assert.deepEqual(others, []);
    assert.equal(request.path, "/standard/messages/$batch");
    assert.deepEqual(request.batch, { deviceHandles: ["1a", "2b", "3c"], notification: notification.body });
    assert.deepEqual(request.warnings, []);
    assert.equal(response.notificationId, request.notificationId);

    const details = await client().getNotificationOutcomeDetails(response.notificationId, PLAIN_HTTP);
    assert.equal(details.notificationId, response.notificationId);
    assert.equal(details.state, "Completed");
    assert.equal(details.targetPlatforms, platform);
    assert.equal(details.notificationBody, notification.body);
    assert.ok(details.enqueueTime <= details.startTime && details.startTime <= details.endTime);
    const counts = platform === "apple" ? details.apnsOutcomeCounts : details.fcmV1OutcomeCounts;
    assert.deepEqual(counts, [{ state: "Success", count: 2 }, { state: "ExpiredChannel", count: 1 }]);
  });
}

test("an installation is created, read, patched and deleted", LIMIT, async () => {
  const hub = client("standard", "Listener");
  const installation = createFcmV1Installation({ installationId: "phone", pushChannel: "token", tags: ["user:ada"] });

  assert.ok((await hub.createOrUpdateInstallation(installation, PLAIN_HTTP)).trackingId);
  const { expirationTime, ...stored } = await hub.getInstallation("phone", PLAIN_HTTP);
  assert.deepEqual(stored, { ...installation, pushChannelExpired: false });
  assert.match(expirationTime, /^9999-/);

  const patches = [
    { op: "replace", path: "/pushChannel", value: "token-2" },
    { op: "add", path: "/tags", value: "silent" },
    { op: "add", path: "/userId", value: "ada" },
  ];
  await hub.updateInstallation("phone", patches, PLAIN_HTTP);
  const patched = await hub.getInstallation("phone", PLAIN_HTTP);
  assert.equal(patched.pushChannel, "token-2");
  assert.deepEqual(patched.tags, ["user:ada", "silent"]);
  assert.equal(patched.userId, "ada");

  await hub.deleteInstallation("phone", PLAIN_HTTP);
  await refused(hub.getInstallation("phone", PLAIN_HTTP), 404, /Installation not found/);
});

test("an installation that cannot be is refused with 400", LIMIT, async () => {
  const installation = createAppleInstallation({ installationId: "phone", pushChannel: "", tags: [] });

  await refused(client().createOrUpdateInstallation(installation, PLAIN_HTTP), 400, /'pushChannel'/);
});

test("the feedback URL lists the blob of the day, which names the dead handle", LIMIT, async () => {
  await emulator.setDevice("dead", "unregistered");
  const { notificationId } = await send("standard", APPLE, "dead");

  const url = new URL(await client().getFeedbackContainerUrl(PLAIN_HTTP));

  const list = await (await fetch(`${url}&restype=container&comp=list`)).text();
  const names = [...list.matchAll(/<Name>(\d{8})<\/Name>/g)].map(([, name]) => name);
  const blobs = await Promise.all(names.map((name) => fetch(`${url.origin}${url.pathname}/${name}${url.search}`)));
  const records = (await Promise.all(blobs.map((blob) => blob.text()))).join("").trimEnd().split("\n");
  const [record, ...others] = records.filter((record) => record.includes(notificationId));
  assert.deepEqual(others, []);
  assert.match(record, /<NotificationSystemError>BadChannel<.*<Platform>apple<.*<PnsHandle>dead</);
});

test("what the tier does not have is refused with 403", LIMIT, async () => {
  const text = /This operation is not available for your tier/;
  await refused(send("free", APPLE, ["1a", "2b"]), 403, text);
  await refused(client("basic").getNotificationOutcomeDetails("1-2-3-4", PLAIN_HTTP), 403, text);
  await refused(client("basic").getFeedbackContainerUrl(PLAIN_HTTP), 403, text);

  const response = await send("basic", APPLE, ["1a", "2b"]);
  assert.equal(response.notificationId, undefined, "there is no Location below the Standard tier");
});

test("what the rule does not allow is refused with 403, and a hub that does not exist with 404", LIMIT, async () => {
  await refused(client("standard", RULE).getInstallation("phone", PLAIN_HTTP), 403, /status 403/);
  await refused(client("standard", "Listener").getFeedbackContainerUrl(PLAIN_HTTP), 403, /status 403/);
  await refused(send("no-such-hub", APPLE, "one", "Listener"), 403, /status 403/);
  await refused(send("no-such-hub", APPLE, "one"), 404, /No service is hosted/);
  await refused(client().getNotificationOutcomeDetails("1-2-3-4", PLAIN_HTTP), 404, /no telemetry/);
});

test("a spent budget is a 429 whose Retry-After the client obeys", LIMIT, async () => {
  await send("busy", APPLE, "1a");
  await send("busy", APPLE, "2b");

  const requests = await emulator.requests();
  assert.deepEqual(requests.map(({ status }) => status), [201, 429, 201]);
  // A timer of Node may fire a millisecond early.
  assert.ok(requests[2].atMs - requests[0].atMs >= 3_990, `${requests[2].atMs} ${requests[0].atMs}`);
});
