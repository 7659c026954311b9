// What a user does on the development page, in a real browser against the whole stack.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Visit, launch } from "./chromium.mjs";

const PASSWORD = "correct horse 1";
/** No user here proves an address, and only a proof brings the welcome tokens. */
const NO_TOKENS = "0 (held: 0)";
const SAMPLE = 100;
const REFUSAL = /^Failed to load resource: .* status of 4\d\d /;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** A test with a browser profile of its own; nothing on the console and no request to another machine, unless the test itself takes it out. */
function visiting(name, work, options) {
  test(name, { timeout: 90_000 }, async () => {
    const visit = await Visit.open(browser, options);
    let wrong;
    try {
      await work(visit);
    } finally {
      wrong = await visit.end();
    }
    assert.deepEqual(wrong, { complaints: [], strangers: [] });
  });
}

const user = (name) => ({ email: `${name}@example.com`, password: PASSWORD });

visiting("signs up, sees who they are and what they have, signs out and in again", async (visit) => {
  const grace = user("grace");
  await visit.press("Firebase", "Sign up", grace);
  const first = await visit.who();
  assert.equal(first["E-mail"], grace.email);
  assert.equal(first["Balance"], NO_TOKENS);
  assert.equal(first["Token"], "Firebase ID token");
  assert.match(first["Age"], /^\d+ s, (60 min 0|59 min \d+) s left$/);
  const transfers = await visit.page.locator("#transfers tr").allTextContents();
  assert.equal(transfers.length, 0);
  const calls = await visit.calls();
  assert.deepEqual(
    calls.map(({ call, status, route }) => [call, status, route]),
    [
      ["GET /v1/tokens/transfers?limit=10", "200", "v2"],
      ["GET /v1/tokens/balance", "200", "v2"],
      ["GET /v1/auth/me", "200", "v2"],
    ],
  );
  for (const { reason } of calls) assert.match(reason, /^[a-z_-]+$/);

  await visit.press(undefined, "Sign out", {}, "Signed out");
  assert.deepEqual(await visit.who(), { "Signed in": "no" });
  assert.equal(await visit.page.locator("#transfers tr").count(), 0);

  await visit.press("Firebase", "Sign in", grace);
  const again = await visit.who();
  assert.equal(again["Id"], first["Id"]);
  assert.equal(again["Balance"], NO_TOKENS);
});

visiting("stays signed in when the page is loaded again", async (visit) => {
  await visit.press("Firebase", "Sign up", user("katherine"));
  const { Id } = await visit.who();
  await visit.page.reload();
  await visit.says("Ready");
  assert.equal((await visit.who())["Id"], Id);
});

visiting("signs in anonymously, twice as two users", async (visit) => {
  await visit.press("Firebase", "Anonymous");
  const first = await visit.who();
  assert.equal(first["E-mail"], "–");
  await visit.press("Firebase", "Anonymous");
  assert.notEqual((await visit.who())["Id"], first["Id"]);
});

visiting("signs in with Google as the emulator offers it", async (visit) => {
  const { email } = user("hedy");
  await visit.press("Firebase", "Google", { email });
  const who = await visit.who();
  assert.equal(who["E-mail"], email);
  assert.equal(who["Provider"], "firebase");
  await visit.press(undefined, "Sign out", {}, "Signed out");
  await visit.press("Firebase", "Google", { email });
  assert.equal((await visit.who())["Id"], who["Id"], "the same Google account is the same user");
});

visiting("registers and signs in the old way, on the side the slider names", async (visit) => {
  const sides = new Set();
  for (const name of ["ada", "barbara", "edith", "frances", "jean", "mary"]) {
    const { email, password } = user(`old-${name}`);
    await visit.press("The old way", "Register", { email, password });
    const registered = await visit.who();
    assert.equal(registered["E-mail"], email);
    const foretold = /sign in at (v2|legacy) /.exec(await visit.page.locator("#own-place").textContent())?.[1];
    await visit.press(undefined, "Sign out", {}, "Signed out");

    await visit.press("The old way", "Sign in", { email, password });
    assert.equal((await visit.who())["Id"], registered["Id"]);
    const login = (await visit.calls()).find(({ call }) => call === "POST /auth/login");
    assert.equal(login.status, "200");
    assert.equal(login.route, foretold, `${email} signed in at the side the page's own decision names`);
    assert.match(login.reason, /^[a-z_-]+$/);
    sides.add(login.route);
  }
  assert.deepEqual([...sides].sort(), ["legacy", "v2"], "at 50 % some of these users are on either side");
});

visiting("says why a sign-in is refused, either way, and stays signed out", async (visit) => {
  const { email } = user("nobody");
  for (const [group, said] of [
    ["Firebase", /^[A-Z].+\. \(auth\/[a-z-]+\)$/],
    ["The old way", /^[A-Z].+ \([A-Z_]+\)$/],
  ]) {
    await visit.page.getByLabel("E-mail").fill(email);
    await Promise.all([
      // The browser's own note of a refusal.
      visit.page.waitForEvent("console", (message) => REFUSAL.test(message.text())),
      visit.page.getByRole("group", { name: group }).getByRole("button", { name: "Sign in", exact: true }).click(),
    ]);
    const status = visit.page.locator("#status.failed");
    await status.waitFor();
    assert.match(await status.textContent(), said);
    assert.deepEqual(await visit.who(), { "Signed in": "no" });
  }
  assert.equal(visit.complaints.filter((text) => REFUSAL.test(text)).length, 2, visit.complaints.join("\n"));
  // Anything else on the console would be the page's own fault.
  visit.complaints = visit.complaints.filter((text) => !REFUSAL.test(text));
});

visiting("the slider moves nobody at 0, everybody at 100, and nobody back in between", async (visit) => {
  const slider = visit.page.getByLabel("Share of sign-ins at v2");
  assert.equal(await slider.inputValue(), "50", "it starts where the stack's rollout is");
  let moved = new Set();
  for (let percent = 0; percent <= 100; percent += 5) {
    await slider.fill(String(percent));
    const now = new Set(await visit.page.locator("#people li.v2").evaluateAll((dots) => dots.map((dot) => dot.title.split(":")[0])));
    assert.ok([...moved].every((email) => now.has(email)), `somebody moved back at ${percent} %`);
    assert.match(await visit.page.locator("#percent-shown").textContent(), new RegExp(`^${percent} %: ${now.size} of ${SAMPLE} `));
    if (percent === 0) assert.equal(now.size, 0);
    // 100 users spread over 10,000 buckets: 50 ± 5 standard deviations.
    if (percent === 50) assert.ok(now.size > 25 && now.size < 75, `${now.size} users at 50 %`);
    moved = now;
  }
  assert.equal(moved.size, SAMPLE);
});

/** Presses Tab until the element has the focus; the page has fewer stops than `most`. */
async function tabTo({ page }, locator, most = 30) {
  for (let stop = 0; stop < most; stop += 1) {
    await page.keyboard.press("Tab");
    if (await locator.evaluate((element) => element === document.activeElement)) {
      const outline = await locator.evaluate((element) => getComputedStyle(element).outlineStyle);
      assert.notEqual(outline, "none", "what has the focus shows it");
      return;
    }
  }
  assert.fail(`${locator} is not reached by Tab`);
}

visiting("works from the keyboard alone", async (visit) => {
  const { page } = visit;
  const { keyboard } = page;
  const firebase = page.getByRole("group", { name: "Firebase" });
  await tabTo(visit, page.getByLabel("E-mail"));
  await keyboard.press("ControlOrMeta+A");
  await keyboard.type("dorothy@example.com");
  await tabTo(visit, page.getByLabel("Password"));
  await keyboard.press("ControlOrMeta+A");
  await keyboard.type(PASSWORD);
  await tabTo(visit, firebase.getByRole("button", { name: "Sign up" }));
  await keyboard.press("Enter");
  await visit.says("Signed in");
  assert.equal((await visit.who())["E-mail"], "dorothy@example.com");

  await tabTo(visit, page.getByRole("button", { name: "Ask again" }));
  await keyboard.press("Space");
  await visit.says("Asked");

  const slider = page.getByLabel("Share of sign-ins at v2");
  await tabTo(visit, slider);
  await keyboard.press("End");
  assert.equal(await page.locator("#people li.v2").count(), SAMPLE);
  await keyboard.press("ArrowLeft");
  assert.equal(await slider.inputValue(), "99.5");
  await keyboard.press("Home");
  assert.equal(await page.locator("#people li.v2").count(), 0);

  await tabTo(visit, page.getByRole("button", { name: "Sign out" }));
  await keyboard.press("Enter");
  await visit.says("Signed out");
  // Enter in a field has the effect of the first button.
  await tabTo(visit, page.getByLabel("Password"));
  await keyboard.press("Enter");
  await visit.says("Signed in");
});

const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 360, height: 740 };

for (const colorScheme of ["light", "dark"]) {
  for (const [name, viewport] of Object.entries({ wide: WIDE, narrow: NARROW })) {
    visiting(
      `is to be looked at: ${colorScheme}, ${name}`,
      async (visit) => {
        const picture = (state) => {
          const path = join(process.env.PAGE_SCREENSHOTS ?? ".", `page-${colorScheme}-${name}-${state}.png`);
          return visit.page.screenshot({ path, fullPage: true });
        };
        await picture("empty");
        assert.equal(await visit.page.locator(".empty:visible").count(), 2, "tables without rows say why");
        await visit.press("Firebase", "Sign up", user(`looking-${colorScheme}-${name}`));
        assert.equal(await visit.page.locator(".empty:visible").count(), 1, "no transfers: an address that is not proven brings no welcome tokens");
        await picture("signed-in");
        const again = visit.page.getByRole("group", { name: "Firebase" }).getByRole("button", { name: "Sign up" });
        await Promise.all([visit.page.waitForEvent("console", (message) => REFUSAL.test(message.text())), again.click()]);
        await visit.page.locator("#status.failed").waitFor();
        visit.complaints = visit.complaints.filter((text) => !REFUSAL.test(text));
        assert.deepEqual(await visit.who(), { "Signed in": "no" }, "who was signed in before is not any more");
        await picture("refused");

        const ground = await visit.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        const [red] = ground.match(/\d+/g).map(Number);
        assert.equal(red > 127, colorScheme === "light", ground);
        const overflow = await visit.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `the page is ${overflow} px wider than the window`);
        assert.deepEqual(await visit.illegible(), []);
      },
      { colorScheme, viewport },
    );
  }
}
