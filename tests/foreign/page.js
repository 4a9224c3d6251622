// The emulator's page in Debian's Chromium, without a window: opened, looked at, and every request noted.

import { chromium } from "playwright-core";

const SIZE = { width: 1280, height: 820 };

export class Browser {
  /** How many requests the pages made, those of them that went elsewhere, and what went wrong. */
  asked = 0;
  strangers = [];
  errors = [];

  static async start() {
    const executablePath = process.env.CHROMIUM;
    if (!executablePath) throw new Error("CHROMIUM is not set; start the tests with tests/foreign/run");
    // Root has no sandbox in Chromium.
    const browser = await chromium.launch({ executablePath, chromiumSandbox: process.getuid() !== 0 });
    return new Browser(browser);
  }

  constructor(browser) {
    this.browser = browser;
  }

  /** A fresh visit; `options` are Playwright's for a context. */
  async open(url, options = {}) {
    const context = await this.browser.newContext({ viewport: SIZE, reducedMotion: "reduce", ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on("request", (request) => {
      this.asked += 1;
      if (!request.url().startsWith(`${new URL(url).origin}/`)) this.strangers.push(request.url());
    });
    page.on("pageerror", (error) => this.errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && this.errors.push(message.text()));
    await page.goto(url);
    await page.getByText("Live", { exact: true }).waitFor();
    return new PhonesPage(page);
  }

  async stop() {
    await this.browser.close();
  }
}

/** The page in the words of its visitor. */
export class PhonesPage {
  constructor(page) {
    this.page = page;
    this.iphone = this.phone(/iPhone …1e27/);
    /** Its user has quiet hours all day. */
    this.quietIphone = this.phone(/iPhone, quiet hours …051e/);
    this.android = this.phone(/Android …roid/);
    /** An app that shows data messages itself. */
    this.androidApp = this.phone(/Android app …Data/);
    this.phones = [this.iphone, this.quietIphone, this.android, this.androidApp];
    this.requests = page.locator("#request-list > li");
  }

  phone(name) {
    const phone = this.page.locator("#phones > li").filter({ has: this.page.getByRole("heading", { name }) });
    return {
      element: phone,
      cards: phone.locator(".card:not(.leaving)"),
      quiet: phone.locator(".quiet li"),
      call: phone.getByRole("alertdialog"),
    };
  }

  /** Posts a sample by its name; resolves with what was answered. */
  async post(name) {
    await this.page.getByLabel("Sample").selectOption({ label: name });
    await this.page.getByRole("button", { name: "Post" }).click();
    const answer = this.page.getByText(/^outcome /);
    await answer.waitFor();
    return answer.textContent();
  }

  close() {
    return this.page.context().close();
  }
}
