import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { serve } from "./kit/server.ts";
import { world } from "./kit/world.ts";

const CHROMIUM = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";

describe.skipIf(!existsSync(CHROMIUM))("the dashboard, in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
    });
  }, 60_000);
  afterAll(() => browser.close());

  test("tells a wrong token, shows jobs as they come, move and end, and cancels", async () => {
    await using w = await world();
    const s = await serve(w);
    const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("dialog", () => errors.push("a script ran"));
    await page.goto(s.url);

    await page.getByLabel("Access token").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "refused" }).waitFor();
    await page.getByLabel("Access token").fill(s.token);
    await page.keyboard.press("Enter");
    await page.getByText("No jobs.").waitFor();

    const name = "<img src=x onerror=alert(1)>.bin";
    const job = await s.add(w.file(name, 50_000), ["uploadgig"]);
    const card = page.locator(`[data-id="${job.id}"]`);
    await card.getByText(name).waitFor();
    await page.locator(`[data-id="${job.id}"][data-state="done"]`).waitFor();
    expect(await card.locator("a").getAttribute("href")).toBe(w.gig.files[0]?.url ?? "");

    const notBefore = new Date(Date.now() + 60_000).toISOString();
    const later = await s.add(w.file("later.bin", 10), ["ulozto"], { notBefore });
    await page
      .locator(`[data-id="${later.id}"][data-state="waiting"]`)
      .getByRole("button", { name: /^Cancel/ })
      .click();
    await page.locator(`[data-id="${later.id}"][data-state="cancelled"]`).waitFor();
    expect((await s.job(later.id)).state).toBe("cancelled");

    await page.getByRole("button", { name: "Pause ulozto" }).click();
    await page.getByRole("button", { name: "Resume ulozto" }).click();
    await page.getByRole("button", { name: "Pause ulozto" }).waitFor();

    await page.getByLabel("State").selectOption("cancelled");
    await card.waitFor({ state: "detached" });
    await page.locator(`[data-id="${later.id}"]`).waitFor();
    expect(await page.locator("article").count()).toBe(1);
    // Nothing is wider than a phone.
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    expect(errors).toEqual([]);
    await page.close();
    w.expectClean();
  }, 60_000);

  test("is worked by keyboard, shows a captcha until it is solved, and lets no name turn its line around", async () => {
    await using w = await world();
    w.ulozto.requireCaptcha();
    const s = await serve(w);
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    const focused = () => page.evaluate("document.activeElement.getAttribute('aria-label')");
    await page.goto(s.url);
    await page.keyboard.type(s.token);
    await page.keyboard.press("Enter");
    await page.getByText("No jobs.").waitFor();

    const job = await s.add(w.file("holiday\u202egpj.exe"), ["ulozto"]);
    const account = page.locator('[data-account="ulozto"]');
    const captcha = `${w.ulozto.uploadOrigin}/captcha/${w.ulozto.state.captcha?.token}`;
    await account.locator(`a[href="${captcha}"]`).waitFor();
    const card = page.locator(`[data-id="${job.id}"]`);
    expect(await card.locator("h3").textContent()).toBe("holiday\\u{202e}gpj.exe");
    expect(await card.locator(`a[href="${captcha}"]`).count()).toBe(1);
    w.ulozto.solveCaptcha();
    await page.locator('[data-account="ulozto"][data-state="idle"]').waitFor();
    await page.locator(`[data-id="${job.id}"][data-state="done"]`).waitFor();
    expect(await account.locator("a").count()).toBe(0);

    // What was pressed has gone, and the keyboard is still where it was.
    await page.getByRole("button", { name: "Pause ulozto" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Resume ulozto" }).waitFor();
    expect(await focused()).toBe("Resume ulozto");
    const waiting = await s.add(w.file("waits.bin"), ["ulozto"]);
    await page.getByText("waits for its account").waitFor();
    await page.getByRole("button", { name: "Cancel waits.bin" }).focus();
    await page.keyboard.press("Enter");
    await page.locator(`[data-id="${waiting.id}"][data-state="cancelled"]`).waitFor();
    expect(await focused()).toBe("Retry waits.bin");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator(`[data-id="${waiting.id}"]`).waitFor({ state: "detached" });
    expect(await focused()).toStartWith("Copy link of holiday");
    await page.keyboard.press("Enter");
    await page
      .getByRole("button", { name: /^Copy link/ })
      .filter({ hasText: "Copied" })
      .waitFor();
    expect(errors).toEqual([]);
    await page.close();
    w.expectClean();
  }, 60_000);

  test("goes on after the server was away", async () => {
    await using w = await world();
    const s = await serve(w);
    const page = await browser.newPage();
    await page.goto(s.url);
    await page.getByLabel("Access token").fill(s.token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("live").waitFor();
    s.live.kill("SIGKILL");
    await page.getByText("connection lost").waitFor();
    await page.close();
  }, 60_000);
});
