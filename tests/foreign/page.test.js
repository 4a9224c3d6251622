// The emulator's page as a visitor of the demo meets it: what is posted stands on the phones, by mouse and keyboard.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { Demo } from "./demo.js";
import { Browser } from "./page.js";
import { Sender } from "./sender.js";

const LIMIT = { timeout: 60_000 };

let demo, browser, sender, visit;

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
async function shows(locator, ...wanted) {
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

test("an SMS is an alert on both phones, and each posting is a new one", LIMIT, async () => {
  assert.match(await visit.post("SMS"), /^outcome delivered · devices 2/);
  for (const { cards } of [visit.iphone, visit.android]) {
    await shows(cards, /^\+15555555555\s[\s\S]*Great to connect with ACS events/);
  }
  assert.match(await visit.post("SMS"), /^outcome delivered · devices 2/);
  await shows(visit.iphone.cards, /ACS events/, /ACS events/);
  assert.equal(await visit.iphone.element.locator(".group").count(), 1, "one thread, one group");
});

test("a chat message is replaced by its edit and withdrawn by its deletion, before your eyes", LIMIT, async () => {
  const phones = [visit.iphone, visit.android];
  await visit.post("Chat message");
  for (const { cards } of phones) await shows(cards, /Welcome to Azure Communication Services/);

  await visit.post("Edit of the last chat message");
  for (const { cards } of phones) await shows(cards, /Let's Chat about new communication services\.[\s\S]*replaced/);
  await shows(visit.iphone.cards, /passive · no sound/);

  await visit.post("Deletion of the last chat message");
  for (const { cards, quiet } of phones) {
    await shows(cards);
    await shows(quiet, /notification withdrawn/);
  }

  await visit.post("Chat message");
  await visit.post("Chat message");
  for (const { cards } of phones) await shows(cards, /Welcome/, /Welcome/);
  await visit.post("ChatThreadWithUserDeleted (seed)");
  for (const { cards, quiet } of phones) {
    await shows(cards);
    await shows(quiet, /2 notifications withdrawn/, /notification withdrawn/);
  }
});

test("of a long thread the newest are shown, and all when asked for", LIMIT, async () => {
  for (const number of [1, 2, 3, 4, 5]) {
    await sender.apple("plain-handle-0001", { aps: { alert: `Number ${number}`, "thread-id": "one" } });
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
  await shows(iphone.quiet, /call of John Doe ended/);
  await page.keyboard.press("Escape");
  await android.call.waitFor({ state: "hidden" });
  await shows(android.quiet, /call of John Doe declined/);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Post", "the focus goes back");
});

test("a call that is forgotten while it rings leaves the keys to the next one", LIMIT, async () => {
  const { iphone, android, page } = visit;
  await visit.post("Incoming call");
  await shows(iphone.call, /John Doe/);
  await page.getByRole("button", { name: "Forget all" }).click();
  for (const { call } of [iphone, android]) await call.waitFor({ state: "hidden" });

  await visit.post("Incoming call");
  await shows(iphone.call, /John Doe/);
  await page.keyboard.press("Enter");
  await shows(iphone.call, /Connected/);
});

test("a call does not interrupt who is typing, and is missed by who comes later", LIMIT, async () => {
  const { page, iphone } = visit;
  await page.getByText("Change it first").click();
  await page.getByLabel("Body to post").focus();
  const call = { aps: {}, data: { callId: "1", displayName: "Ada" } };
  const headers = { "apns-push-type": "voip", "apns-priority": "10" };
  const hub = { ...demo, hubName: "acs-push-voip" };
  const caller = new Sender(hub);
  assert.equal(await caller.apple("0".repeat(60) + "ca11", call, headers), 201);
  caller.end();
  const stranger = visit.phone(/iPhone …ca11$/);
  await shows(stranger.call, /Ada/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "sample-body");

  await page.reload();
  await shows(stranger.cards, /Ada[\s\S]*Missed call/);
  await shows(iphone.cards);
});

test("whatever is sent is understood, and markup in it stays text", LIMIT, async () => {
  const words = "<img src=x onerror=alert(1)>";
  const loc = { "title-loc-key": "INVITED", "title-loc-args": ["Ada"], subtitle: "Today", body: words };
  await sender.apple("plain-handle-0001", { aps: { alert: "Just a text" } });
  await sender.apple("plain-handle-0001", {
    aps: { alert: loc, sound: "bell.caf", badge: 3, "interruption-level": "time-sensitive" },
  });
  const background = { "apns-push-type": "background", "apns-priority": "5" };
  await sender.apple("plain-handle-0001", { aps: { "content-available": 1 }, sync: 1, depth: 2 }, background);
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

test("a refused push is on no phone, and its reason stands among the requests", LIMIT, async () => {
  assert.equal(await sender.apple("refused-handle-3", { aps: { alert: "x" } }, { "apns-priority": "7" }), 400);
  await sender.apple("plain-handle-0001", { aps: { alert: "good" } });
  await shows(visit.requests, /201[\s\S]*alert: good/, /400[\s\S]*apns-priority must be 1, 5 or 10, not '7'/);
  assert.equal(await visit.phone(/e-3/).element.count(), 0);
  await visit.page.getByLabel("only refused").check();
  await shows(visit.requests, /^400/);
});

test("the requests are walked with arrow keys and opened with Enter, and show no whole signature", LIMIT, async () => {
  await visit.post("SMS");
  await sender.apple("plain-handle-0001", { aps: { alert: "newest" } });
  await shows(visit.requests, /newest/, /ACS events/, /ACS events/);
  const { page } = visit;
  await page.getByLabel("only refused").focus();
  const focused = () => page.evaluate(() => document.activeElement.innerText);
  await page.keyboard.press("Tab");
  assert.match(await focused(), /newest/, "one tab stop for the list");
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(ring, "solid", "the focus is seen");
  await page.keyboard.press("ArrowDown");
  assert.match(await focused(), /ACS events/);
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  const raw = await visit.requests.first().innerText();
  assert.match(raw, /Checked[\s\S]*token\s+DefaultFullSharedAccessSignature for http[\s\S]*"alert": "newest"/);
  assert.match(raw, /sig=....…/);
  await page.keyboard.press("Enter");
  await shows(visit.requests.first(), /^((?!Checked)[\s\S])*$/);

  // From a notification to its request.
  await visit.iphone.cards.getByRole("button").press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-expanded")), "true");
});

test("headings show the end of a handle only", LIMIT, async () => {
  await sender.apple("a-handle-that-is-secret-4711", { aps: { alert: "x" } });
  await shows(visit.phone(/4711/).cards, /x/);
  assert.deepEqual((await visit.page.locator("h3").allInnerTexts()).slice(-1), ["iPhone …4711"]);
});

test("on a screen of 320 pixels nothing sticks out", LIMIT, async () => {
  const narrow = await browser.open(demo.url, { viewport: { width: 320, height: 640 } });
  await narrow.post("SMS");
  await narrow.requests.first().getByRole("button").click();
  await narrow.page.getByText("Change it first").click();
  const widest = await narrow.page.evaluate(() =>
    Math.max(...[...document.querySelectorAll("main *, header *")].map((one) => one.getBoundingClientRect().right)),
  );
  assert.ok(widest <= 320, `something ends at ${widest}`);
  await narrow.close();
});

test("both colour schemes are legible, and motion is only for those who like it", LIMIT, async () => {
  await visit.post("SMS");
  for (const [colorScheme, reducedMotion] of [["light", "reduce"], ["dark", "no-preference"]]) {
    const one = await browser.open(demo.url, { colorScheme, reducedMotion });
    await shows(one.iphone.cards, /ACS events/);
    const { paper, faint, motion } = await one.page.evaluate(look);
    assert.equal(paper > 0.5, colorScheme === "light", `${colorScheme}: ${paper}`);
    assert.deepEqual(faint, [], colorScheme);
    assert.equal(motion, reducedMotion === "reduce" ? "none" : "arrive");
    await one.close();
  }
});

/** In the page: how bright it is, which texts are too faint for it (WCAG AA), and how a card arrives. */
function look() {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const luminance = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map((byte) => {
      const part = byte / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const style = (selector) => getComputedStyle(document.querySelector(selector));
  const isFaint = ([text, ground]) => {
    const [dark, light] = [luminance(style(text).color), luminance(style(ground).backgroundColor)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05) < 4.5;
  };
  const pairs = [
    ["h1", "body"],
    ["h2", "body"],
    ["#counts", "body"],
    [".entry .where", "body"],
    [".entry .status", "body"],
    [".primary", ".primary"],
    [".card .title", ".group"],
    [".card .notes", ".group"],
  ];
  return {
    paper: luminance(style("body").backgroundColor),
    faint: pairs.filter(isFaint).map(([text]) => text),
    motion: style(".card").animationName,
  };
}

test("the page asks nobody but the emulator, and runs nothing but its own scripts", LIMIT, async () => {
  const strangers = [...browser.urls].filter((url) => !url.startsWith(`${demo.url}/`));
  assert.deepEqual(strangers, []);
  assert.deepEqual(browser.errors, []);
  const { headers } = await fetch(`${demo.url}/`, { headers: { accept: "text/html" } });
  assert.match(headers.get("content-security-policy"), /^default-src 'none'; script-src 'self';/);
  await assert.rejects(visit.page.evaluate(() => (document.body.innerHTML = "<b>x</b>")), /TrustedHTML/);
});

/** Not a test: what the README shows, photographed where somebody asks for it. */
const photograph = async () => {
  for (const name of ["SMS", "Chat message", "Edit of the last chat message"]) await visit.post(name);
  await visit.post("Incoming call");
  await shows(visit.iphone.call, /John Doe/);
  await visit.android.call.getByRole("button", { name: "Decline" }).click();
  await visit.page.mouse.move(0, 0);
  await visit.page.setViewportSize({ width: 1180, height: 760 });
  await visit.page.screenshot({ path: process.env.SCREENSHOT });
};
if (process.env.SCREENSHOT) test("a picture for the README", LIMIT, photograph);
