// What Microsoft's own client sends, the emulator takes; what the emulator refuses, that client
// understands. So the emulator is not merely a mirror of how acs-push reads the documentation.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import "./node-18.js";

import {
  createAppleNotification,
  createFcmV1Notification,
  NotificationHubsClient,
} from "@azure/notification-hubs";

import { Emulator, RULE } from "./emulator.js";

const APPLE_HANDLE = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
const FCM_HANDLE = "fcm-registration:APA91bForeign_Tests-aQx1";
const LIMIT = { timeout: 30_000 };

let emulator;

before(async () => {
  emulator = await Emulator.start();
}, LIMIT);

beforeEach(() => emulator.forget(), LIMIT);

after(async () => {
  assert.equal(await emulator.stop(), 0, "the emulator's exit code");
}, LIMIT);

function send(notification, { deviceHandle, connectionString, hubName } = {}) {
  const client = new NotificationHubsClient(
    connectionString ?? emulator.connectionString,
    hubName ?? emulator.hubName,
  );
  return client.sendNotification(notification, {
    deviceHandle: deviceHandle ?? APPLE_HANDLE,
    // Per call: the SDK ignores it among the client's options.
    requestOptions: { allowInsecureConnection: true },
  });
}

/** An alert for Apple devices; `padding` makes it larger by as many bytes. */
function appleAlert(padding = 0) {
  return createAppleNotification({
    body: JSON.stringify({ aps: { alert: { title: "Ada", body: "Grüße 👋" + "x".repeat(padding) } } }),
    headers: { "apns-push-type": "alert", "apns-priority": "10" },
  });
}

/** Asserts that `sending` fails with the SDK's own error, and that the hub was asked only once. */
async function refused(sending, statusCode, message) {
  await assert.rejects(sending, { name: "RestError", statusCode, message });
  const requests = await emulator.requests();
  assert.deepEqual(requests.map(({ status }) => status), [statusCode]);
}

test("an apple notification sent directly is accepted and recorded as it was sent", LIMIT, async () => {
  const notification = appleAlert();

  const response = await send(notification);

  const [request, ...others] = await emulator.requests();
  assert.deepEqual(others, []);
  assert.equal(request.method, "POST");
  assert.equal(request.path, `/${emulator.hubName}/messages/`);
  assert.deepEqual([...new URLSearchParams(request.query)].sort(), [["api-version", "2020-06"], ["direct", "true"]]);
  assert.equal(request.format, "apple");
  assert.equal(request.deviceHandle, APPLE_HANDLE);
  assert.equal(request.headers["content-type"], "application/json;charset=utf-8");
  assert.equal(request.headers["apns-push-type"], "alert");
  assert.equal(request.headers["apns-priority"], "10");
  assert.match(request.headers.authorization, new RegExp(`^SharedAccessSignature .*skn=${RULE}`));
  assert.equal(request.body, notification.body);
  assert.equal(request.status, 201);
  assert.deepEqual(request.warnings, []);

  assert.equal(response.state, "Enqueued");
  assert.ok(response.notificationId);
  assert.equal(response.notificationId, request.notificationId);
  assert.ok(response.trackingId);
  assert.ok(response.correlationId);
});

test("an fcmv1 notification sent directly is accepted and recorded as it was sent", LIMIT, async () => {
  const notification = createFcmV1Notification({
    body: JSON.stringify({
      message: { data: { threadId: "19:abc@thread.v2" }, android: { priority: "high", ttl: "3600s" } },
    }),
  });

  const response = await send(notification, { deviceHandle: FCM_HANDLE });

  const [request, ...others] = await emulator.requests();
  assert.deepEqual(others, []);
  assert.equal(request.format, "fcmv1");
  assert.equal(request.deviceHandle, FCM_HANDLE);
  assert.equal(request.body, notification.body);
  assert.equal(request.status, 201);
  assert.deepEqual(request.warnings, []);
  assert.ok(response.notificationId);
  assert.equal(response.notificationId, request.notificationId);
});

test("the format 'fcm' is refused with 400 and the formats that exist", LIMIT, async () => {
  const notification = { ...createFcmV1Notification({ body: { message: { data: {} } } }), platform: "fcm" };

  await refused(send(notification, { deviceHandle: FCM_HANDLE }), 400, /invalid value: 'fcm'.*'fcmv1'/);
});

test("a wrong key is refused with 401", LIMIT, async () => {
  const connectionString = emulator.connectionStringOf(RULE, "bm90IHRoZSBrZXk=");

  await refused(send(appleAlert(), { connectionString }), 401, /InvalidSignature/);
});

test("a hub that does not exist is refused with 404", LIMIT, async () => {
  await refused(send(appleAlert(), { hubName: "no-such-hub" }), 404, /No service is hosted/);
});

test("a rule that may only listen is refused with 403", LIMIT, async () => {
  const connectionString = emulator.connectionStringOf("Listener");

  await refused(send(appleAlert(), { connectionString }), 403, /failed with status 403/);
});

test("a payload of more than 64 KB is refused with 413", LIMIT, async () => {
  await refused(send(appleAlert(64 * 1024)), 413, /64 KB/);
});

test("a 429 that names no time is not retried but thrown", LIMIT, async () => {
  await emulator.addFault({ action: { status: { status: 429 } } });

  await refused(send(appleAlert()), 429, /Too Many Requests/);
});

test("a 429 is retried after the seconds that its Retry-After asks for", LIMIT, async () => {
  // Longer than the second that the SDK would wait at most by itself before its first retry.
  await emulator.addFault({ action: { status: { status: 429, retryAfter: "2" } } });

  const response = await send(appleAlert());

  assert.equal(response.state, "Enqueued");
  const [first, second, ...others] = await emulator.requests();
  assert.deepEqual(others, []);
  assert.deepEqual([first.status, second.status], [429, 201]);
  // A timer of Node may fire a millisecond early.
  const waited = second.atMs - first.atMs;
  assert.ok(waited >= 1_990, `waited ${waited} ms`);
});
