// The phones as a visitor of the demo sees them: what is posted or sent by others stands on them, and rings.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Sender } from "./sender.js";
import { demo, LIMIT, sender, shows, visit } from "./stage.js";

test("an SMS is an alert on all phones, and each posting is a new one", LIMIT, async () => {
  assert.match(await visit.post("SMS"), /^outcome delivered · code delivered · devices 4/);
  for (const { cards } of visit.phones) {
    await shows(cards, /^\+15555555555\s[\s\S]*Great to connect with ACS events/);
  }
  assert.match(await visit.post("SMS"), /^outcome delivered · code delivered · devices 4/);
  await shows(visit.iphone.cards, /ACS events/, /ACS events/);
  assert.equal(await visit.iphone.element.locator(".group").count(), 1, "one thread, one group");
});

test("a chat message is replaced by its edit and withdrawn by its deletion, before your eyes", LIMIT, async () => {
  const { phones } = visit;
  await visit.post("Chat message");
  for (const { cards } of phones) await shows(cards, /Welcome to Azure Communication Services/);

  await visit.post("Edit of the last chat message");
  for (const { cards } of phones) await shows(cards, /Let's Chat about new communication services\.[\s\S]*replaced/);
  await shows(visit.iphone.cards, /passive · no sound/);

  await visit.post("Deletion of the last chat message");
  for (const { cards, quiet } of phones) {
    await shows(cards);
    await shows(quiet, /notification removed/);
  }

  await visit.post("Chat message");
  await visit.post("Chat message");
  for (const { cards } of phones) await shows(cards, /Welcome/, /Welcome/);
  await visit.post("End of the chat");
  for (const { cards, quiet } of phones) {
    await shows(cards);
    await shows(quiet, /2 notifications removed/, /notification removed/);
  }
});

test("a text that is written from right to left runs so on every phone", LIMIT, async () => {
  await visit.post("Hebrew and Arabic");
  for (const { cards } of visit.phones) {
    await shows(cards, /Lobby/);
    const directions = await cards.evaluate((card) =>
      [".title", ".text"].map((selector) => getComputedStyle(card.querySelector(selector)).direction),
    );
    assert.deepEqual(directions, ["rtl", "rtl"]);
  }
});

test("a data message is drawn as the documented lines of the app draw it, loud or quiet", LIMIT, async () => {
  const data = { op: "show", id: "one", tag: "one", threadId: "t", group: "t", title: "Ada", body: "Hi", channel: "chat" };
  const { cards, quiet } = visit.phone(/Android …0004/);
  const send = (more, priority = "HIGH") =>
    sender.fcm("fcm-handle-0004", { data: { ...data, ...more }, android: { priority } });
  await send({});
  await shows(cards, /^Ada\s[\s\S]*Hi[\s\S]*shown by the app · priority high · channel chat$/);
  // In quiet hours it comes all the same, without a sound.
  await send({ body: "Good night", quiet: "true" });
  await shows(cards, /Good night[\s\S]*shown by the app · priority high · quiet · channel chat/);
  await send({ body: "New message", mutable: "true" });
  await shows(cards, /New message[\s\S]*mutable content/);
  await send({ title: undefined, titleLocKey: "FROM", titleLocArg1: "Ada", titleLocArg2: "Bob" });
  await shows(cards, /FROM\(Ada, Bob\)/);
  await send({ op: "remove", title: undefined, body: undefined }, "NORMAL");
  await shows(cards);
  await shows(quiet, /notification removed/);
});

test("of a long thread the newest are shown, and all when asked for", LIMIT, async () => {
  for (const number of [1, 2, 3, 4, 5]) {
    await sender.apple("1a1aaaaaaaaa0001", { aps: { alert: `Number ${number}`, "thread-id": "one" } });
  }
  const { cards, element } = visit.phone(/iPhone …0001/);
  await shows(cards, /Number 5/, /Number 4/, /Number 3/);
  await element.getByRole("button", { name: "2 more" }).press("Enter");
  await shows(cards, /Number 5/, /Number 4/, /Number 3/, /Number 2/, /Number 1/);
  await element.getByRole("button", { name: "Show less" }).press("Enter");
  await shows(cards, /Number 5/, /Number 4/, /Number 3/);
});

test("a call rings over the whole screen; Enter accepts it, Escape ends and declines", LIMIT, async () => {
  const { iphone, android, page } = visit;
  assert.equal(await page.locator("#sample option").first().textContent(), "Incoming call", "it is offered first");
  await visit.post("Incoming call");
  await shows(iphone.call, /Incoming call\s+John Doe\s+Decline\s+Accept/);
  await shows(android.call, /John Doe/);
  const [screen, glass] = await Promise.all(
    [iphone.call, iphone.element.locator(".glass")].map((locator) => locator.boundingBox()),
  );
  assert.ok(screen.width * screen.height > 0.9 * glass.width * glass.height, "it covers the screen");

  // It took the focus, so Enter takes the call.
  await page.keyboard.press("Enter");
  await shows(iphone.call, /Connected\s+John Doe\s+End/);
  await page.keyboard.press("Escape");
  await iphone.call.waitFor({ state: "hidden" });
  await shows(iphone.quiet, /call from John Doe ended/);
  for (const { call, quiet } of [visit.quietIphone, android, visit.androidApp]) {
    await page.keyboard.press("Escape");
    await call.waitFor({ state: "hidden" });
    await shows(quiet, /call from John Doe declined/);
  }
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Post", "the focus goes back");
});

test("a call that is forgotten while it rings leaves the keys to the next one", LIMIT, async () => {
  const { iphone, page } = visit;
  await visit.post("Incoming call");
  await shows(iphone.call, /John Doe/);
  await page.getByRole("button", { name: "Clear" }).click();
  for (const { call } of visit.phones) await call.waitFor({ state: "hidden" });

  await visit.post("Incoming call");
  await shows(iphone.call, /John Doe/);
  await page.keyboard.press("Enter");
  await shows(iphone.call, /Connected/);
});

test("a call does not interrupt who is typing, and is missed by who comes later", LIMIT, async () => {
  const { page, iphone } = visit;
  await page.getByText("Edit the body").click();
  await page.getByLabel("Body to post").focus();
  const call = { aps: {}, data: { callId: "1", displayName: "Ada" } };
  const headers = { "apns-push-type": "voip", "apns-priority": "10" };
  const caller = new Sender(demo.voip);
  assert.equal(await caller.apple("0".repeat(60) + "ca11", call, headers), 201);
  caller.end();
  const stranger = visit.phone(/iPhone …ca11$/);
  await shows(stranger.call, /Ada/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "sample-body");

  await page.keyboard.press("Escape");
  await shows(stranger.quiet, /declined/);

  await page.reload();
  await shows(stranger.cards, /Ada[\s\S]*Missed call/);
  await shows(iphone.cards);
});

test("a caller with a name as long as it may be leaves the buttons in sight", LIMIT, async () => {
  const caller = new Sender(demo.voip);
  const call = { aps: {}, data: { callId: "1", displayName: "Ada ".repeat(500) } };
  assert.equal(await caller.apple("10aa10aa10aa0001", call, { "apns-push-type": "voip", "apns-priority": "10" }), 201);
  caller.end();
  const { call: screen, element } = visit.phone(/…0001/);
  await screen.getByRole("button", { name: "Accept" }).waitFor();
  const ends = async (locator) => {
    const { y, height } = await locator.boundingBox();
    return y + height;
  };
  assert.ok((await ends(screen.getByRole("button", { name: "Accept" }))) < (await ends(element.locator(".glass"))));
  await visit.page.keyboard.press("Escape");
  await screen.waitFor({ state: "hidden" });
});

test("an iPhone that is reached through FCM shows, replaces and withdraws like one", LIMIT, async () => {
  const message = (op, type, aps) => ({
    apns: { headers: { "apns-push-type": type, "apns-collapse-id": "one" }, payload: { aps } },
    data: { op, id: "one", threadId: "lunch" },
  });
  const alert = (body) => ({ alert: { title: "Ada", body }, sound: "default" });
  await sender.fcm("fcm-on-ios-0003", message("show", "alert", alert("First")));
  const { cards, quiet } = visit.phone(/iPhone …0003/);
  await shows(cards, /Ada\s[\s\S]*First[\s\S]*sound default/);
  await sender.fcm("fcm-on-ios-0003", message("edit", "alert", alert("Second")));
  await shows(cards, /Second/);
  await sender.fcm("fcm-on-ios-0003", message("remove", "background", { "content-available": 1 }));
  await shows(cards);
  await shows(quiet, /notification removed/);
});

test("whatever is sent is understood, and markup in it stays text", LIMIT, async () => {
  const words = "<img src=x onerror=alert(1)>";
  const loc = { "title-loc-key": "INVITED", "title-loc-args": ["Ada"], subtitle: "Today", body: words };
  await sender.apple("1a1aaaaaaaaa0001", { aps: { alert: "Just a text" } });
  await sender.apple("1a1aaaaaaaaa0001", {
    aps: { alert: loc, sound: "bell.caf", badge: 3, "interruption-level": "time-sensitive" },
  });
  const background = { "apns-push-type": "background", "apns-priority": "5" };
  await sender.apple("1a1aaaaaaaaa0001", { aps: { "content-available": 1 }, sync: 1, depth: 2 }, background);
  const { cards, quiet, element } = visit.phone(/iPhone …0001/);
  await shows(cards, /INVITED\(Ada\)[\s\S]*Today[\s\S]*<img src=x[\s\S]*time-sensitive · sound bell.caf · badge 3/, /Just a text/);
  await shows(quiet, /background: sync, depth/);
  assert.equal(await element.locator("img").count(), 0);

  await sender.fcm("fcm-handle-0002", { notification: { title: "Hi", body: "From FCM" } });
  await sender.fcm("fcm-handle-0002", { data: { refresh: "yes" } });
  const android = visit.phone(/Android …0002/);
  await shows(android.cards, /Hi[\s\S]*From FCM/);
  await shows(android.quiet, /data: refresh/);
});

test("a batch is drawn on each of its phones", LIMIT, async () => {
  assert.equal(await sender.appleBatch(["ba7cba7cba7c1111", "ba7cba7cba7c2222"], { aps: { alert: "to all" } }), 201);
  for (const name of [/…1111/, /…2222/]) await shows(visit.phone(name).cards, /to all/);
  await shows(visit.requests, /alert: to all[\s\S]*2 devices/);
});

test("headings show the end of a handle only", LIMIT, async () => {
  await sender.apple("5ec2e75ec2e75ec2e74711", { aps: { alert: "x" } });
  await shows(visit.phone(/4711/).cards, /x/);
  assert.deepEqual((await visit.page.locator("h3").allInnerTexts()).slice(-1), ["iPhone …4711"]);
});
