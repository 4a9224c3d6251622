// Google's own SDK on the FCM bodies that acs-push makes: each golden, with a token in it, passes the check that the SDK
// runs before it sends, and what the SDK would then write to the wire is our body again. Nothing is sent.
// Document: docs/notifications.md.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

// The check is not among the package's public names; by its path it can be had all the same.
const require = createRequire(import.meta.url);
const { validateMessage } = require(
  fileURLToPath(new URL("node_modules/firebase-admin/lib/messaging/messaging-internal.js", import.meta.url)),
);

const GOLDENS = new URL("../goldens/", import.meta.url);

/** The members that the SDK names in its own way; everything else it passes on. */
const RENAMED = [
  "channel_id", "title_loc_key", "title_loc_args", "body_loc_key", "body_loc_args",
  "thread-id", "content-available", "mutable-content", "title-loc-key", "title-loc-args", "loc-key", "loc-args",
];

function renamed(object) {
  const camel = (name) => name.replace(/[-_](.)/g, (_, letter) => letter.toUpperCase());
  return object && Object.fromEntries(
    Object.entries(object).map(([name, value]) => [RENAMED.includes(name) ? camel(name) : name, value]),
  );
}

/** A message with a token, as the SDK sends it. Of our names it does not write one, which Google takes in both spellings. */
function sent({ fcm_options: options, ...message }) {
  const input = structuredClone({ ...message, token: "token-of-a-device" });
  if (options) input.fcmOptions = { analyticsLabel: options.analytics_label };
  return input;
}

/** A body as one would hand it to the SDK. */
function asSdkInput({ message }) {
  const input = sent(message);
  if (input.android) {
    input.android.ttl = 1000 * Number(/^(\d+)s$/.exec(input.android.ttl)[1]);
    if (input.android.notification) input.android.notification = renamed(input.android.notification);
  }
  if (input.apns) {
    const { aps } = input.apns.payload;
    if (aps.alert) aps.alert = renamed(aps.alert);
    input.apns.payload.aps = renamed(aps);
  }
  return input;
}

let checked = 0;
for (const file of readdirSync(GOLDENS)) {
  const golden = JSON.parse(readFileSync(new URL(file, GOLDENS), "utf8"));
  for (const form of ["fcm_android", "fcm_android_data", "fcm_ios"]) {
    for (const [mode, { body }] of Object.entries(golden[form])) {
      checked += 1;
      test(`firebase-admin takes ${file} ${form} ${mode}`, () => {
        const input = asSdkInput(body);
        validateMessage(input);
        assert.deepEqual(input, sent(body.message));
      });
    }
  }
}

test("there were goldens to check, and the check refuses what is wrong", () => {
  assert.ok(checked >= 126, `${checked}`);
  assert.throws(() => validateMessage({ token: "t", data: { eventId: 107 } }), /data must only contain string values/);
  assert.throws(() => validateMessage({ token: "t", android: { ttl: "30s" } }), /TTL must be a non-negative duration/);
});
