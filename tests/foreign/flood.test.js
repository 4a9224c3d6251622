// Ten thousand pushes as fast as they go: the page stays usable, and neither it nor the emulator grows without end.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Demo } from "./demo.js";
import { Browser } from "./page.js";
import { Sender } from "./sender.js";

const PUSHES = 10_000;
/** More devices than the page draws phones. */
const DEVICES = 25;
const LIMIT = { timeout: 300_000 };

let demo, browser;

before(async () => {
  demo = await Demo.start();
  browser = await Browser.start();
}, LIMIT);

after(async () => {
  await browser?.stop();
  assert.equal(await demo?.stop(), 0, "the demo's exit code");
}, LIMIT);

/** Sends alerts, edits, background pushes and refused ones; resolves with how long it took, in seconds. */
async function flood(sender) {
  const background = { "apns-push-type": "background", "apns-priority": "5" };
  const since = Date.now();
  let next = 0;
  const worker = async () => {
    while (next < PUSHES) {
      const number = next++;
      const handle = `f100ddec0000${String(number % DEVICES).padStart(4, "0")}`;
      const alert = { title: `Number ${number}`, body: "x".repeat(200) };
      const aps = { alert, "thread-id": `thread ${number % 7}` };
      if (number % 10 === 0) await sender.apple(handle, { aps: { "content-available": 1 } }, background);
      else if (number % 10 === 1) await sender.apple(handle, { aps }, { "apns-priority": "7" });
      else if (number % 10 === 2) await sender.apple(handle, { aps }, { "apns-collapse-id": "same" });
      else if (number % 10 === 3) await sender.fcm(handle, { notification: alert });
      else await sender.apple(handle, { aps });
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return (Date.now() - since) / 1000;
}

test("a flood leaves the page usable and the memory bounded", LIMIT, async (context) => {
  const visit = await browser.open(demo.url);
  const { page } = visit;
  const sender = new Sender(demo);
  const before = await demo.memory();
  const flooding = flood(sender);
  let slowest = 0;
  let isOver = false;
  flooding.finally(() => (isOver = true));
  while (!isOver) {
    const asked = Date.now();
    const nodes = await page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => resolve(document.querySelectorAll("*").length))),
    );
    slowest = Math.max(slowest, Date.now() - asked);
    assert.ok(nodes < 5_000, `${nodes} elements`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const seconds = await flooding;
  const full = await demo.memory();

  await visit.post("SMS");
  await visit.iphone.cards.filter({ hasText: "ACS events" }).first().waitFor();
  await visit.requests.filter({ hasText: "ACS events" }).first().getByRole("button").click();
  await page.getByText("Checked").waitFor();
  assert.equal(await page.locator("#phones > li").count(), 8);
  assert.equal(await visit.requests.count(), 100);
  await page.getByText(/more devices are not shown/).waitFor();

  // The record is full by now, so once more costs nothing more.
  await flood(sender);
  const again = await demo.memory();
  sender.end();
  const figures = `${PUSHES} in ${seconds.toFixed(1)} s, page within ${slowest} ms, emulator ${before}, ${full}, ${again} MiB`;
  context.diagnostic(figures);
  // This process floods and asks at once, so most of the time is its own.
  assert.ok(slowest < 5_000, figures);
  assert.ok(full < before + 200 && again < full + 30, figures);
  await visit.close();
});
