// The same notification, sent by acs-push and by Microsoft's own client, is the same request but for the differences
// that emulator/README.md lists and explains.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import "./node-18.js";

import { createAppleNotification, createFcmV1Notification, NotificationHubsClient } from "@azure/notification-hubs";

import { AcsPush } from "./acs-push.js";
import { Emulator } from "./emulator.js";

const LIMIT = { timeout: 30_000 };
const NUMBER = "15555555555";
const MANY = "15555555556";

let emulator;
let product;

before(async () => {
  emulator = await Emulator.start();
  product = await AcsPush.start({
    NOTIFICATION_HUB_CONNECTION_STRING: emulator.connectionString,
    NOTIFICATION_HUB_NAME: emulator.hubName,
  });
}, LIMIT);

after(async () => {
  assert.deepEqual([await product.stop(), await emulator.stop()], [0, 0], "exit codes");
}, LIMIT);

/** An SMS that has just come. */
function sms(id, to = NUMBER) {
  const now = new Date().toISOString();
  return {
    id,
    topic: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/communicationServices/c",
    subject: `/phonenumber/${to}`,
    eventType: "Microsoft.Communication.SMSReceived",
    eventTime: now,
    dataVersion: "1.0",
    metadataVersion: "1",
    data: { messageId: id, from: "14255550123", to, message: "Grüße 👋", receivedTimestamp: now },
  };
}

/** Everything of a request by which two could differ, flat: names to values. */
function parts({ method, path, query, headers, body }) {
  const parts = { method, path, body };
  for (const [name, value] of new URLSearchParams(query)) parts[`?${name}`] = value;
  for (const [name, value] of Object.entries(headers)) parts[name] = value;
  return parts;
}

/** The names of the parts that `one` and `other` do not have alike. */
function differences(one, other) {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => one[name] !== other[name]).sort();
}

/** The first column of the table under the heading in the emulator's README. */
async function documented() {
  const readme = await readFile(new URL("../../emulator/README.md", import.meta.url), "utf8");
  const [, section] = readme.split("\n## The same notification from two clients\n");
  const [table] = section.split("\n## ");
  return [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name).sort();
}

for (const [platform, pushChannel, create] of [
  ["apns", "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0", createAppleNotification],
  ["fcmv1", "fcm-registration:APA91bForeign_Tests-aQx1", createFcmV1Notification],
]) {
  test(`acs-push and the SDK send the same ${platform} notification with the documented differences`, LIMIT, async () => {
    await emulator.forget();
    await product.register("phone", { phoneNumbers: [NUMBER], platform, pushChannel });
    await product.deliver(sms(`sms-${platform}`));
    const [ours, ...others] = await emulator.requests();
    assert.deepEqual(others, []);

    const platformHeaders = Object.entries(ours.headers).filter(([name]) => name.startsWith("apns-"));
    assert.equal(platformHeaders.length > 0, platform === "apns");
    const notification = create({ body: ours.body, headers: Object.fromEntries(platformHeaders) });
    const client = new NotificationHubsClient(emulator.connectionString, emulator.hubName);
    const requestOptions = { allowInsecureConnection: true };
    await client.sendNotification(notification, { deviceHandle: pushChannel, requestOptions });

    const [, theirs] = await emulator.requests();
    assert.deepEqual([ours.status, theirs.status], [201, 201]);
    assert.deepEqual([ours.warnings, theirs.warnings], [[], []]);
    assert.deepEqual(differences(parts(ours), parts(theirs)), await documented());
  });
}

test("acs-push and the SDK send the same batch with the documented differences and another boundary", LIMIT, async () => {
  await emulator.forget();
  const handles = Array.from({ length: 10 }, (_, index) => index.toString(16).padStart(64, "0"));
  for (const [index, pushChannel] of handles.entries()) {
    await product.register(`phone-${index}`, { phoneNumbers: [MANY], platform: "apns", pushChannel });
  }
  await product.deliver(sms("sms-many", MANY));
  const [ours, ...others] = await emulator.requests();
  assert.deepEqual(others, []);

  const platformHeaders = Object.entries(ours.headers).filter(([name]) => name.startsWith("apns-"));
  const body = ours.batch.notification;
  const notification = createAppleNotification({ body, headers: Object.fromEntries(platformHeaders) });
  const client = new NotificationHubsClient(emulator.connectionString, emulator.hubName);
  const requestOptions = { allowInsecureConnection: true };
  await client.sendNotification(notification, { deviceHandle: ours.batch.deviceHandles, requestOptions });

  const [, theirs] = await emulator.requests();
  assert.deepEqual([ours.status, theirs.status], [201, 201]);
  assert.deepEqual([ours.warnings, theirs.warnings], [[], []]);
  assert.deepEqual(ours.batch, theirs.batch);
  assert.deepEqual([...ours.batch.deviceHandles].sort(), handles);
  // As of a single send; and the boundary is in the content type and the body, and its length in that of the body.
  const ofBoundary = ["body", "content-length", "content-type"];
  const ofSingleSend = (await documented()).filter((name) => name !== "path" && !ofBoundary.includes(name));
  assert.deepEqual(differences(parts(ours), parts(theirs)), [...ofSingleSend, ...ofBoundary].sort());
  const [our, their] = [ours, theirs].map(withOneBoundary);
  assert.equal(our.body.toLowerCase(), their.body.toLowerCase());
});

/** The request with the same boundary as any other. */
function withOneBoundary({ headers, body }) {
  const [, boundary] = /boundary *= *"([^"]+)"/.exec(headers["content-type"]);
  return { body: body.replaceAll(boundary, "boundary") };
}
