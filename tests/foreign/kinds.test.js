// Each kind of message and call, posted on the demo's page and read off its phones: an iPhone, another in quiet hours, an
// Android phone whose system shows messages, and one whose app does. Document: docs/notifications.md.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LIMIT, shows, visit } from "./stage.js";

/** What shows a text: its name on the page, and title and body on every phone. */
const SHOWN = [
  ["SMS", "+15555555555", "Great to connect with ACS events"],
  ["Chat message", "John", "Welcome to Azure Communication Services"],
  ["Formatted text", "Alice", "Agenda • Budget • Hiring & rooms See the plan"],
  ["Emoji", "Alice", "well done 😀 see you"],
  ["Reply", "Alice", "At one"],
  ["Mention", "Alice mentioned you", "Ask Bob for the key"],
  ["Hebrew and Arabic", "أليس", "שלום, نلتقي في 12:30 (Lobby)"],
  ["Picture", "Alice", "Sent a picture"],
  ["GIF", "Alice", "Sent a GIF"],
  ["Video", "Alice", "Sent a video"],
  ["Recording", "Alice", "Sent a recording"],
  ["File", "Alice", "Sent a file: report.pdf"],
  ["Location", "Alice", "Sent a location"],
  ["Three pictures", "Alice", "Sent 3 pictures"],
  ["Picture and file", "Alice", "Sent 2 attachments"],
  ["Bot's card", "Clinic bot", "Pick a slot"],
  ["Bot's card without words", "Clinic bot", "Sent a card"],
];

/** What replaces the last chat message, by its edit. */
const EDITS = [
  ["Edit of the last chat message", "Bob(Admin)", "Let's Chat about new communication services."],
  ["Edit of the last chat message to a picture", "Bob(Admin)", "Sent a picture"],
];

/** What rings, and as whom. */
const CALLS = [
  ["Incoming call", "John Doe"],
  ["Call from a telephone", "+15551230000"],
  ["Call from a hidden number", "Unknown caller"],
];

/** Those that need a test of their own. */
const OTHERS = ["Call without a caller", "Added to a chat", "Deletion of the last chat message", "End of the chat", "Bot's event"];

const DELIVERED = /^outcome delivered · code delivered · devices 4/;

/** A card with this title and body, whatever stands beside, before or after them. */
function card(title, body, notes = "") {
  const escaped = [title, body].map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${escaped[0]}\\s[\\s\\S]*\\n${escaped[1]}\\n[\\s\\S]*${notes}`);
}

for (const [name, title, body] of SHOWN) {
  test(`${name}: each phone shows who and what, and in quiet hours without a sound`, LIMIT, async () => {
    assert.match(await visit.post(name), DELIVERED);
    await shows(visit.iphone.cards, card(title, body, "sound default"));
    await shows(visit.quietIphone.cards, card(title, body, "passive · no sound"));
    await shows(visit.android.cards, card(title, body, "priority high"));
    await shows(visit.androidApp.cards, card(title, body, "shown by the app · priority high"));
  });
}

for (const [name, title, body] of EDITS) {
  test(`${name}: each phone replaces what it shows`, LIMIT, async () => {
    await visit.post("Chat message");
    for (const { cards } of visit.phones) await shows(cards, /Welcome/);
    assert.match(await visit.post(name), DELIVERED);
    for (const { cards } of visit.phones) await shows(cards, card(title, body, "replaced"));
  });
}

for (const [name, caller] of CALLS) {
  test(`${name}: each phone rings, in quiet hours too`, LIMIT, async () => {
    assert.match(await visit.post(name), DELIVERED);
    const screen = new RegExp(`^Incoming call\\s+${caller.replace("+", "\\+")}\\s`);
    for (const { call } of visit.phones) await shows(call, screen);
  });
}

test("a call without a caller is an alert on each phone, which sounds in quiet hours, too", LIMIT, async () => {
  assert.match(await visit.post("Call without a caller"), /^outcome delivered · code no_raw_id · devices 4/);
  for (const { cards } of visit.phones) await shows(cards, /^Incoming call\s/);
  for (const { cards } of [visit.iphone, visit.quietIphone]) await shows(cards, /time-sensitive · sound default/);
  await shows(visit.androidApp.cards, /shown by the app · priority high/);
});

test("who is added to a chat finds it listed without a sound, and loses it with the chat's end", LIMIT, async () => {
  assert.match(await visit.post("Added to a chat"), DELIVERED);
  for (const { cards } of visit.phones) await shows(cards, /You were added to /);
  for (const { cards } of [visit.iphone, visit.quietIphone]) await shows(cards, /passive · no sound/);
  await shows(visit.androidApp.cards, /shown by the app · priority high · quiet/);
  await visit.post("Chat message");
  for (const { cards } of visit.phones) await shows(cards, /Welcome|added/, /Welcome|added/);
  assert.match(await visit.post("End of the chat"), DELIVERED);
  for (const { cards } of visit.phones) await shows(cards);
});

test("a message that is deleted leaves each phone", LIMIT, async () => {
  await visit.post("Chat message");
  for (const { cards } of visit.phones) await shows(cards, /Welcome/);
  assert.match(await visit.post("Deletion of the last chat message"), DELIVERED);
  for (const { cards, quiet } of visit.phones) {
    await shows(cards);
    await shows(quiet, /notification removed/);
  }
});

test("a bot's event is for programs: nobody sees it", LIMIT, async () => {
  assert.match(await visit.post("Bot's event"), /^outcome ignored · code bot_event/);
  await visit.post("SMS");
  for (const { cards, quiet } of visit.phones) {
    await shows(cards, /ACS events/);
    await shows(quiet);
  }
});

test("each kind that the page offers is posted here", LIMIT, async () => {
  const offered = await visit.page.locator("#sample option").allTextContents();
  const kinds = offered.filter((name) => !/ \((seed|current|cloudevents|constructed)\)$/.test(name));
  const posted = [...SHOWN, ...EDITS, ...CALLS].map(([name]) => name).concat(OTHERS);
  assert.deepEqual(kinds.sort(), posted.sort());
});
