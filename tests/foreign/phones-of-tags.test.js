// A send to tags on the emulator's page: each phone that it reaches shows what it got, and the request says who got what.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import "./node-18.js";

import {
  createAppleInstallation,
  createFcmV1TemplateRegistrationDescription,
  createAppleNotification,
  createTemplateNotification,
  NotificationHubsClient,
} from "@azure/notification-hubs";

import { Emulator } from "./emulator.js";
import { Browser } from "./page.js";

const LIMIT = { timeout: 60_000 };
const PLAIN_HTTP = { requestOptions: { allowInsecureConnection: true } };

let browser, emulator, hub;

before(async () => {
  emulator = await Emulator.start();
  browser = await Browser.start();
  hub = new NotificationHubsClient(emulator.connectionStringOf("Manager"), emulator.hubName);
}, LIMIT);

after(async () => {
  await browser?.stop();
  assert.equal(await emulator?.stop(), 0, "the emulator's exit code");
}, LIMIT);

test("a send to tags is on each phone that it reaches, as the template of each made it", LIMIT, async () => {
  const template = { body: JSON.stringify({ aps: { alert: "$(text) from Apple" } }), headers: { "apns-push-type": "alert" } };
  const iphone = createAppleInstallation({ installationId: "my-iphone", pushChannel: "ab1e27", tags: ["news"] });
  await hub.createOrUpdateInstallation({ ...iphone, templates: { greeting: template } }, PLAIN_HTTP);
  const fcmV1RegistrationId = "token-of-android";
  const bodyTemplate = JSON.stringify({ message: { notification: { title: "{'Android: ' + $(text)}" } } });
  const android = createFcmV1TemplateRegistrationDescription({ fcmV1RegistrationId, bodyTemplate, tags: ["news"] });
  await hub.createRegistration(android, PLAIN_HTTP);
  const visit = await browser.open(emulator.endpoint);

  const options = { tagExpression: "news && !old", ...PLAIN_HTTP };
  await hub.sendNotification(createTemplateNotification({ body: { text: "Hello" } }), options);

  await visit.iphone.cards.getByText("Hello from Apple").waitFor();
  await visit.android.cards.getByText("Android: Hello").waitFor();
  const request = visit.requests.first();
  assert.match(await request.innerText(), /2 devices of news && !old/);
  await request.getByRole("button").click();
  const detail = await request.innerText();
  assert.match(detail, /Sent to 2 with news && !old/);
  assert.match(detail, /…1e27 apple, installation my-iphone, template greeting, \{"aps":\{"alert":"Hello from Apple"\}\}/);

  const alert = createAppleNotification({ body: JSON.stringify({ aps: { alert: "To all" } }) });
  await hub.sendNotification(alert, { ...options, tagExpression: "nobody" });
  await visit.requests.getByText("no device has these tags").waitFor();
  assert.equal(await visit.iphone.cards.getByText("To all").count(), 0);
  assert.deepEqual([browser.errors, browser.strangers], [[], []]);
  await visit.close();
});
