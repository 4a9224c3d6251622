// The cases of the public specs of Microsoft's own client (sdk/notificationhubs of azure-sdk-for-js), written anew for the
// emulator: the client is unmodified and speaks https, as it does with the service.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, beforeEach, test } from "node:test";

import "./node-18.js";

import {
  createAppleInstallation,
  createAppleNotification,
  createAppleRegistrationDescription,
  createAppleTemplateRegistrationDescription,
  createFcmV1Notification,
  createFcmV1RegistrationDescription,
  createFcmV1TemplateRegistrationDescription,
  createTagExpression,
  createTemplateNotification,
  NotificationHubsClient,
} from "@azure/notification-hubs";

import { Emulator, RULE } from "./emulator.js";

const LIMIT = { timeout: 30_000 };
const HANDLE = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
const TAGS = ["likes_football", "likes_hockey"];
const APPLE = createAppleNotification({
  body: JSON.stringify({ aps: { alert: "Hello" } }),
  headers: { "apns-priority": "10", "apns-push-type": "alert" },
});

let emulator;
let hub;

before(async () => {
  emulator = await Emulator.start("--tls");
  hub = client("Manager");
}, LIMIT);

beforeEach(async () => {
  await emulator.forget();
  for await (const { registrationId } of hub.listRegistrations()) {
    await hub.deleteRegistration(registrationId).catch(ignoreGone);
  }
}, LIMIT);

after(async () => {
  assert.equal(await emulator.stop(), 0, "the emulator's exit code");
}, LIMIT);

function client(rule) {
  const tlsOptions = { ca: readFileSync(emulator.caFile) };
  return new NotificationHubsClient(emulator.connectionStringOf(rule), emulator.hubName, { tlsOptions });
}

/** With an installation its other registrations are deleted, too. */
function ignoreGone(error) {
  if (error.statusCode !== 404) throw error;
}

async function all(registrations) {
  const found = [];
  for await (const registration of registrations) found.push(registration);
  return found;
}

const idsOf = (registrations) => registrations.map(({ registrationId }) => registrationId).sort();

function register(deviceToken = HANDLE, tags = TAGS) {
  return hub.createRegistration(createAppleRegistrationDescription({ deviceToken, tags: [...tags] }));
}

/** What the devices of the last send got, by device handle. */
async function recipients() {
  const { recipients } = (await emulator.requests()).at(-1);
  return [...recipients.devices].sort((one, other) => (one.deviceHandle < other.deviceHandle ? -1 : 1));
}

test("a connection without the certificate is refused by the client", LIMIT, async () => {
  const stranger = new NotificationHubsClient(emulator.connectionStringOf(RULE), emulator.hubName, {
    retryOptions: { maxRetries: 0 },
  });
  await assert.rejects(stranger.sendNotification(APPLE, { deviceHandle: HANDLE }), /certificate/);
});

test("sendNotification: a direct send is accepted", LIMIT, async () => {
  const result = await client(RULE).sendNotification(APPLE, { deviceHandle: HANDLE });

  assert.ok(result.trackingId && result.correlationId && result.notificationId);
  assert.match(result.location, /^https:/);
  assert.equal(result.state, "Enqueued");
});

test("sendNotification: a batch is accepted", LIMIT, async () => {
  const result = await client(RULE).sendNotification(APPLE, { deviceHandle: [HANDLE, "ab"] });

  assert.ok(result.trackingId && result.correlationId && result.notificationId);
});

test("sendNotification: a tag expression reaches the registrations that match", LIMIT, async () => {
  await register();
  await register("ab", ["likes_hockey"]);

  const result = await client(RULE).sendNotification(APPLE, { tagExpression: "likes_hockey && likes_football" });

  assert.ok(result.trackingId && result.correlationId && result.notificationId);
  assert.deepEqual((await recipients()).map(({ deviceHandle }) => deviceHandle), [HANDLE]);
  await hub.sendNotification(APPLE, { tagExpression: createTagExpression(["likes_hockey", "likes_football"]) });
  assert.equal((await recipients()).length, 2);
});

test("sendBroadcastNotification: every device of the platform is reached", LIMIT, async () => {
  await register();
  await hub.createRegistration(createFcmV1RegistrationDescription({ fcmV1RegistrationId: "token" }));
  await hub.createOrUpdateInstallation(
    createAppleInstallation({ installationId: "phone", pushChannel: "ab", tags: ["a"] }),
  );

  const result = await client(RULE).sendBroadcastNotification(APPLE);

  assert.ok(result.trackingId && result.correlationId && result.notificationId);
  assert.deepEqual((await recipients()).map(({ deviceHandle }) => deviceHandle), [HANDLE, "ab"]);
  const fcm = createFcmV1Notification({ body: JSON.stringify({ message: { data: { a: "b" } } }) });
  await hub.sendBroadcastNotification(fcm);
  assert.deepEqual((await recipients()).map(({ deviceHandle }) => deviceHandle), ["token"]);
});

// To everybody the SDK sends the tag `undefined` with `enableTestSend`.
test("sendNotification: a test send has the outcome of each device", LIMIT, async () => {
  await register();
  await register("ab");
  await emulator.setDevice("ab", "expired");

  const result = await hub.sendNotification(APPLE, { tagExpression: "likes_hockey", enableTestSend: true });

  assert.deepEqual([result.successCount, result.failureCount], [1, 1]);
  const failed = result.results.find(({ pnsHandle }) => pnsHandle === "ab");
  assert.equal(failed.applicationPlatform, "apple");
  assert.match(failed.outcome, /handle for the registration is invalid/);
});

test("a template notification becomes what each template says", LIMIT, async () => {
  const bodyTemplate = JSON.stringify({ aps: { alert: "$(message)" } });
  const apnsHeaders = { "apns-push-type": "alert" };
  await hub.createRegistration(
    createAppleTemplateRegistrationDescription({ deviceToken: HANDLE, bodyTemplate, apnsHeaders, tags: TAGS }),
  );
  await hub.createRegistration(
    createFcmV1TemplateRegistrationDescription({
      fcmV1RegistrationId: "token",
      bodyTemplate: JSON.stringify({ message: { data: { text: "{'Hi, ' + $(message)}" } } }),
      tags: TAGS,
    }),
  );

  const notification = createTemplateNotification({ body: { message: "hello" } });
  await hub.sendNotification(notification, { tagExpression: "likes_football" });

  const [apple, fcm] = await recipients();
  assert.deepEqual(JSON.parse(apple.notification), { aps: { alert: "hello" } });
  assert.deepEqual(apple.headers, apnsHeaders);
  assert.deepEqual(JSON.parse(fcm.notification), { message: { data: { text: "Hi, hello" } } });
});

test("createOrUpdateInstallation: an installation is added, read, and deleted", LIMIT, async () => {
  const installation = createAppleInstallation({ installationId: "phone", pushChannel: HANDLE, tags: [...TAGS] });

  const result = await hub.createOrUpdateInstallation(installation);

  assert.ok(result.trackingId && result.correlationId);
  assert.deepEqual((await hub.getInstallation("phone")).tags, TAGS);
  await hub.updateInstallation("phone", [{ op: "add", path: "/tags", value: "c" }]);
  assert.deepEqual((await hub.getInstallation("phone")).tags, [...TAGS, "c"]);
  await hub.deleteInstallation("phone");
  await assert.rejects(hub.getInstallation("phone"), { statusCode: 404 });
});

test("createRegistrationId: a registration is put under a new id and read", LIMIT, async () => {
  const registrationId = await hub.createRegistrationId();
  const registration = createAppleRegistrationDescription({ registrationId, deviceToken: HANDLE, tags: [...TAGS] });

  await hub.createOrUpdateRegistration(registration);

  const stored = await hub.getRegistration(registrationId);
  assert.equal(stored.registrationId, registrationId);
  assert.equal(stored.deviceToken, HANDLE.toUpperCase());
  assert.deepEqual(stored.tags, TAGS);
});

test("getRegistration: a registration is created, read, changed and deleted", LIMIT, async () => {
  const created = await register();
  const stored = await hub.getRegistration(created.registrationId);
  assert.equal(stored.registrationId, created.registrationId);
  assert.equal(stored.kind, "Apple");

  const changed = await hub.updateRegistration({ ...stored, tags: ["other"] });
  assert.deepEqual([changed.etag, changed.tags], ["2", ["other"]]);
  await assert.rejects(hub.updateRegistration({ ...stored, tags: ["late"] }), { statusCode: 412 });

  assert.ok((await hub.deleteRegistration(created.registrationId)).trackingId);
  await assert.rejects(hub.getRegistration(created.registrationId), { statusCode: 404 });
});

test("listRegistrations: all are listed, in pages of the wanted size", LIMIT, async () => {
  const created = [await register(), await register(), await register()];

  assert.deepEqual(idsOf(await all(hub.listRegistrations())), idsOf(created));
  assert.deepEqual(idsOf(await all(hub.listRegistrations({ top: 1 }))), idsOf(created));
});

test("listRegistrationsByTag: those with the tag are listed", LIMIT, async () => {
  const created = [await register(), await register(), await register(HANDLE, ["likes_football"])];
  await register(HANDLE, ["other"]);

  assert.deepEqual(idsOf(await all(hub.listRegistrationsByTag("likes_football"))), idsOf(created));
  assert.deepEqual(await all(hub.listRegistrationsByTag("nobody")), []);
});

test("listRegistrationsByChannel: those of the device are listed, also for an app that may only listen", LIMIT, async () => {
  const created = [await register(), await register()];
  await register("ab");

  const listed = client("Listener").listRegistrationsByChannel({ kind: "apple", deviceToken: HANDLE });

  assert.deepEqual(idsOf(await all(listed)), idsOf(created));
});

test("a device token that is not hexadecimal is refused with the text of the service", LIMIT, async () => {
  await assert.rejects(register("not hexadecimal"), { statusCode: 400, message: /not a hexadecimal digit/ });
});

test("getNotificationOutcomeDetails: a send to tags is counted on each platform", LIMIT, async () => {
  await register();
  const { notificationId } = await hub.sendNotification(APPLE, { tagExpression: "likes_football" });

  const details = await hub.getNotificationOutcomeDetails(notificationId);

  assert.equal(details.state, "Completed");
  assert.equal(details.targetPlatforms, "apple");
  assert.deepEqual(details.apnsOutcomeCounts, [{ state: "Success", count: 1 }]);
});

test("getFeedbackContainerUrl: the container names the device that is gone", LIMIT, async () => {
  await register("ab");
  await emulator.setDevice("ab", "unregistered");
  const { notificationId } = await hub.sendBroadcastNotification(APPLE);

  const url = new URL(await hub.getFeedbackContainerUrl());
  assert.equal(url.protocol, "https:");

  // Node's own client does not know the certificate.
  url.protocol = "http:";
  const list = await (await fetch(`${url}&restype=container&comp=list`)).text();
  const names = [...list.matchAll(/<Name>(\d{8})<\/Name>/g)].map(([, name]) => name);
  const blobs = await Promise.all(names.map((name) => fetch(`${url.origin}${url.pathname}/${name}${url.search}`)));
  const records = (await Promise.all(blobs.map((blob) => blob.text()))).join("");
  assert.match(records, new RegExp(`BadChannel<.*<Platform>apple<.*<PnsHandle>ab<.*${notificationId}`));
});

test("scheduled sends and jobs are not emulated, which the answer says", LIMIT, async () => {
  const options = { tagExpression: "a" };
  await assert.rejects(hub.scheduleNotification(new Date(Date.now() + 60_000), APPLE, options), {
    statusCode: 501,
    message: /schedulednotifications is not emulated/,
  });
});
