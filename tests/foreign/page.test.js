// The page around the phones: requests, keyboard, sizes, colours, and whom it talks to.

import assert from "node:assert/strict";
import { test } from "node:test";

import { built, start, stop } from "./program.js";
import { Sender } from "./sender.js";
import { browser, demo, LIMIT, sender, shows, visit } from "./stage.js";

test("a refused push is on no phone, and its reason stands among the requests", LIMIT, async () => {
  assert.equal(await sender.apple("2ef05ed2ef050003", { aps: { alert: "x" } }, { "apns-priority": "7" }), 400);
  await sender.apple("1a1aaaaaaaaa0001", { aps: { alert: "good" } });
  await shows(visit.requests, /201[\s\S]*alert: good/, /400[\s\S]*apns-priority must be 1, 5 or 10, not '7'/);
  assert.equal(await visit.phone(/…0003/).element.count(), 0);
  await visit.page.getByLabel("only refused").check();
  await shows(visit.requests, /^400/);
});

test("the requests are walked with arrow keys and opened with Enter, and show no whole signature", LIMIT, async () => {
  await visit.post("SMS");
  await sender.apple("1a1aaaaaaaaa0001", { aps: { alert: "newest" } });
  await shows(visit.requests, /newest/, /ACS events/, /ACS events/, /ACS events/, /ACS events/);
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
  assert.match(raw, /Checked[\s\S]*token\s+Send for http[\s\S]*"alert": "newest"/);
  assert.match(raw, /sig=....…/);
  await page.keyboard.press("Enter");
  await shows(visit.requests.first(), /^((?!Checked)[\s\S])*$/);

  // From a notification to its request.
  await visit.iphone.cards.getByRole("button").press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-expanded")), "true");
});

test("a request that is nested without end is shown as it is, and the page goes on", LIMIT, async () => {
  const deep = "[".repeat(30_000) + "]".repeat(30_000);
  assert.equal(await sender.raw("deebdeebdeeb0001", deep), 400);
  await visit.requests.first().getByRole("button").click();
  await shows(visit.requests.first(), /The supplied notification payload is invalid[\s\S]*\[{100}[\s\S]*… truncated/);
  await sender.raw("deebdeebdeeb0002", "[".repeat(4_000) + "]".repeat(4_000));
  await shows(visit.requests, /^400/, /^400/);
  await visit.requests.first().getByRole("button").click();
  await shows(visit.requests.first(), /Refused[\s\S]*… truncated/);
  await sender.apple("1a1aaaaaaaaa0001", { aps: { alert: "after that" } });
  await shows(visit.requests, /after that/, /^400/, /^400/);
  assert.deepEqual(browser.errors, []);
});

test("each text of a push runs in its own direction", LIMIT, async () => {
  await sender.apple("1a1aaaaaaaaa0001", { aps: { alert: { title: "Ada", body: "שלום, Ada!" } } });
  const card = visit.phone(/…0001/).cards;
  await shows(card, /Ada[\s\S]*שלום/);
  const directions = await card.evaluate((one) =>
    [".title", ".text"].map((selector) => getComputedStyle(one.querySelector(selector)).direction),
  );
  assert.deepEqual(directions, ["ltr", "rtl"]);
});

test("a page without its emulator says so, and begins anew with the next one on its port", LIMIT, async () => {
  const run = async (port) => {
    let connectionString;
    const child = await start(built("NOTIFICATION_HUBS_EMULATOR"), ["--port", port], {}, (line) => {
      connectionString ??= /Endpoint=\S+/.exec(line)?.[0];
      return line.startsWith("NOTIFICATION_HUB_NAME=");
    });
    return { child, connectionString, url: /http:[^;]+/.exec(connectionString)[0] };
  };
  const first = await run("0");
  const other = await browser.open(first.url);
  await shows(other.page.locator("#empty"), /No phone yet[\s\S]*acs-push-dev[\s\S]*Endpoint=http/);
  assert.equal(await other.page.getByText("Post an event").isVisible(), false, "nothing to post");
  const send = async ({ connectionString }, alert) => {
    const one = new Sender({ connectionString, hubName: "acs-push-dev" });
    assert.equal(await one.apple("1a1aaaaaaaaa0001", { aps: { alert } }), 201);
    one.end();
  };
  await send(first, "from the first");
  await shows(other.page.locator(".card"), /from the first/);

  await stop(first.child);
  await other.page.getByText("Disconnected, reconnecting").waitFor();
  const second = await run(new URL(first.url).port);
  await send(second, "from the second");
  await shows(other.page.locator(".card"), /from the second/);
  await stop(second.child);
  await other.close();
  // That it could not be reached is what was to be seen.
  browser.errors = browser.errors.filter((error) => !error.includes("ERR_"));
});

test("on a screen of 320 pixels nothing sticks out", LIMIT, async () => {
  const narrow = await browser.open(demo.url, { viewport: { width: 320, height: 640 } });
  await narrow.post("SMS");
  await narrow.requests.first().getByRole("button").click();
  await narrow.page.getByText("Edit the body").click();
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
  await visit.post("SMS");
  assert.ok(browser.asked > 20, "requests are noted");
  assert.deepEqual(browser.strangers, []);
  assert.deepEqual(browser.errors, []);
  const { headers } = await fetch(`${demo.url}/`, { headers: { accept: "text/html" } });
  assert.match(headers.get("content-security-policy"), /^default-src 'none'; script-src 'self';/);
  await assert.rejects(visit.page.evaluate(() => (document.body.innerHTML = "<b>x</b>")), /TrustedHTML/);
});

/** Not a test: what the README shows, photographed where somebody asks for it. */
const photograph = async () => {
  for (const name of ["SMS", "Picture", "Mention"]) await visit.post(name);
  await visit.post("Incoming call");
  await shows(visit.iphone.call, /John Doe/);
  for (const { call } of [visit.quietIphone, visit.android, visit.androidApp]) {
    await call.getByRole("button", { name: "Decline" }).click();
  }
  await visit.page.mouse.move(0, 0);
  await visit.page.setViewportSize({ width: 1180, height: 1440 });
  await visit.page.screenshot({ path: process.env.SCREENSHOT });
};
if (process.env.SCREENSHOT) test("a picture for the README", LIMIT, photograph);
