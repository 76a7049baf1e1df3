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
