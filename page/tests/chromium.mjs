// A headless Chromium that cannot leave this machine, and a record of one page's faults in it.

import { chromium } from "playwright-core";

const { CHROMIUM, PAGE_URL } = process.env;
if (!CHROMIUM || !PAGE_URL) {
  throw new Error("CHROMIUM and PAGE_URL are not set: `cargo xtask test --only browser` starts a stack and sets them");
}

const HERE = new Set(["127.0.0.1", "localhost"]);

export function launch() {
  return chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // A request to any other host fails here, and `Visit` reports it too.
      "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
    ],
  });
}

/** One user's browser with nothing stored yet, the page open and ready. */
export class Visit {
  /** Complaints on the console and uncaught errors. */
  complaints = [];
  /** Requests to other machines. */
  strangers = [];

  /** Opens the page; `options` are playwright's of a browser context. */
  static async open(browser, options = {}) {
    const visit = new Visit();
    visit.context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    visit.page = await visit.context.newPage();
    visit.page.setDefaultTimeout(20_000);
    visit.context.on("request", (request) => {
      const url = new URL(request.url());
      if (!["data:", "blob:"].includes(url.protocol) && !HERE.has(url.hostname)) visit.strangers.push(url.href);
    });
    visit.page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        visit.complaints.push(`${message.text()} (${message.location().url})`);
      }
    });
    visit.page.on("pageerror", (error) => visit.complaints.push(String(error)));
    await visit.page.goto(PAGE_URL);
    await visit.says("Ready");
    return visit;
  }

  /** Waits until the status line says `text`; fails with the line's text otherwise. */
  async says(text) {
    const status = this.page.locator("#status");
    // "…" stands there while something is under way.
    await status.filter({ hasText: /^[^…]/ }).waitFor();
    const said = await status.textContent();
    if (said !== text) throw new Error(`the page says "${said}" instead of "${text}"`);
  }

  /** Fills in the credentials, presses the button in that group and waits for the page's answer. */
  async press(group, button, { email, password } = {}, said = "Signed in") {
    if (email !== undefined) await this.page.getByLabel("E-mail").fill(email);
    if (password !== undefined) await this.page.getByLabel("Password").fill(password);
    const where = group === undefined ? this.page : this.page.getByRole("group", { name: group });
    await where.getByRole("button", { name: button, exact: true }).click();
    await this.says(said);
  }

  /** The page's facts about the signed-in user, by its names. */
  async who() {
    const names = await this.page.locator("#who dt").allTextContents();
    const values = await this.page.locator("#who dd").allTextContents();
    return Object.fromEntries(names.map((name, index) => [name, values[index]]));
  }

  /** The calls the page made, the latest first. */
  async calls() {
    const rows = await this.page.locator("#calls tr").all();
    return Promise.all(
      rows.map(async (row) => {
        const [call, status, route, reason] = await row.locator("td").allTextContents();
        return { call, status, route, reason };
      }),
    );
  }

  /** Texts with less contrast than WCAG 2.2 asks of ordinary text (4.5), each with its contrast. */
  async illegible() {
    return this.page.evaluate(() => {
      const numbers = (color) => color.match(/[\d.]+/g).map(Number);
      const luminance = (color) => {
        const [red, green, blue] = numbers(color).map((part) => {
          const share = part / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      const ground = (element) => {
        for (let at = element; at !== null; at = at.parentElement) {
          const color = getComputedStyle(at).backgroundColor;
          if (numbers(color)[3] !== 0) return color;
        }
        return "rgb(255, 255, 255)";
      };
      const said = (element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
      return [...document.body.querySelectorAll("*")]
        .filter((element) => (said(element) || element.matches("input:not([type=range])")) && element.checkVisibility())
        .map((element) => {
          const [one, other] = [getComputedStyle(element).color, ground(element)].map(luminance);
          const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
          return [element.textContent.trim().slice(0, 40), Math.round(contrast * 100) / 100];
        })
        .filter(([, contrast]) => contrast < 4.5);
    });
  }

  /** Ends the visit and returns everything that was wrong with it. */
  async end() {
    await this.context.close();
    return { complaints: this.complaints, strangers: this.strangers };
  }
}
