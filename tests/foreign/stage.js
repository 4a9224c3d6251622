// What a file of tests plays on: the demo, a browser, a sender of other pushes, and a fresh visit for each test.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach } from "node:test";

import { Demo } from "./demo.js";
import { Browser } from "./page.js";
import { Sender } from "./sender.js";

export const LIMIT = { timeout: 60_000 };

export let demo, browser, sender, visit;

before(async () => {
  demo = await Demo.start();
  browser = await Browser.start();
  sender = new Sender(demo);
}, LIMIT);

beforeEach(async () => {
  await demo.forget();
  visit = await browser.open(demo.url);
}, LIMIT);

afterEach(() => visit.close());

after(async () => {
  sender?.end();
  await browser?.stop();
  assert.equal(await demo?.stop(), 0, "the demo's exit code");
}, LIMIT);

/** Waits until the texts of what is found are these. */
export async function shows(locator, ...wanted) {
  const isIt = (texts) => texts.length === wanted.length && texts.every((text, index) => wanted[index].test(text));
  const until = Date.now() + 10_000;
  let texts;
  do {
    texts = await locator.allInnerTexts();
    if (isIt(texts)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (Date.now() < until);
  assert.fail(`wanted ${wanted.join(", ")}; there is ${JSON.stringify(texts)}`);
}
