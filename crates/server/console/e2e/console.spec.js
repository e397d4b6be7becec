// @ts-check
// What people do with the console, in a browser.
import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const PASSWORD = "correct horse battery staple";
const PICTURES = join(import.meta.dirname, "test-results", "pictures");
mkdirSync(PICTURES, { recursive: true });

const PAGES = [
  "/", "/identities", "/credentials", "/places", "/owners", "/findings", "/coverage", "/coverage/gaps",
  "/sources", "/changes", "/audit", "/settings", "/search?q=deploy",
];

const STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** @param {import("@playwright/test").Page} page @param {string} login */
const signIn = async (page, login = "administrator") => {
  await page.goto("/sign-in");
  await page.getByLabel("Login").fill(login);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Today" })).toBeVisible();
};

test.use({ baseURL: async ({}, use) => use(process.env.TUTELA_ADDRESS) });

test("a wrong password is refused in words", async ({ page }) => {
  await page.goto("/sign-in");
  await page.getByLabel("Login").fill("nobody");
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("wrong");
});

test("signing in at the bare address leads to the name where sessions are kept", async ({ page, context }) => {
  const home = new URL(process.env.TUTELA_ADDRESS ?? "");
  expect(home.hostname).toMatch(/\.localhost$/);
  await page.goto(`http://127.0.0.1:${home.port}/places`);
  await page.getByLabel("Login").fill("viewer");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign in with the link" }).click();
  await expect(page.getByRole("heading", { name: "Places" })).toBeVisible();
  expect(new URL(page.url()).host).toBe(home.host);
  const sessions = (await context.cookies()).filter((cookie) => cookie.name === "tutela_session");
  expect(sessions.map((cookie) => cookie.domain)).toEqual([home.hostname]);
});

test("filter a table, and come back to it", async ({ page }) => {
  await signIn(page);
  await page.goto("/identities");
  const rows = page.locator("tbody tr");
  const before = await rows.count();
  await page.getByRole("button", { name: "Kind", exact: true }).click();
  await page.locator("#facet-kind-values a").first().click();
  await expect(page.locator(".chip")).toHaveCount(1);
  await expect(page).toHaveURL(/filter=kind/);
  await page.locator("tbody tr .name").first().click();
  await expect(page.locator(".tabs")).toBeVisible();
  await page.goBack();
  await expect(page.locator(".chip")).toHaveCount(1);
  await page.getByRole("link", { name: /^Remove/ }).click();
  await expect(page.locator(".chip")).toHaveCount(0);
  await expect(rows).toHaveCount(before);
});

test("claim an owner", async ({ page }) => {
  await signIn(page, "operator");
  await page.goto("/identities");
  await page.locator("tbody tr .name").first().click();
  await page.getByRole("button", { name: "Claim" }).first().click();
  await page.getByLabel("Owner").fill("@meridian/platform");
  await page.getByRole("button", { name: "Claim owner" }).click();
  await expect(page.locator(".marks")).toContainText("@meridian/platform");
  await expect(page.locator(".marks")).toContainText("claimed");
});

test("read a gap", async ({ page }) => {
  await signIn(page);
  await page.locator("#coverage-badge").click();
  await expect(page.getByRole("heading", { name: "Coverage" })).toBeVisible();
  await page.goto("/coverage/gaps");
  await expect(page.locator("tbody tr").first()).toBeVisible();
});

test("the keyboard alone finds an identity", async ({ page }) => {
  await signIn(page);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("/");
  await expect(page.getByRole("combobox", { name: "Search everything" })).toBeFocused();
  await page.keyboard.type("role");
  await expect(page.locator("#hits [role=option]").first()).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.locator("h1")).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.keyboard.press("Escape");
  await expect(page.locator("#palette")).toBeHidden();
});

// Every page is judged by axe in both themes and at both widths, each theme at one of them: colours
// do not depend on the width, and what fits does not depend on the theme.
const WIDTHS = [1440, 390];
const SWEEPS = /** @type {const} */ ([["light", 1440], ["dark", 390]]);

for (const [theme, judged] of SWEEPS) {
  test(`every page in ${theme}`, async ({ page }) => {
    test.setTimeout(240_000);
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await signIn(page);
    const pages = [...PAGES];
    for (const list of ["/identities", "/credentials", "/places", "/findings"]) {
      await page.goto(list);
      const first = await page.locator("tbody tr .name").first().getAttribute("href");
      if (first) pages.push(first);
      if (first && list === "/identities") pages.push(`${first}/permissions`, `${first}/history`, `${first}/evidence`);
    }
    for (const address of pages) {
      const reply = await page.goto(address);
      expect(reply?.status(), address).toBe(200);
      const plain = address.split("?")[0].replace(/[a-z]{3}_[a-z0-9]+/, "one");
      const name = plain.split("/").filter(Boolean).join("-") || "today";
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(sideways, `${address} scrolls sideways at ${width} px`).toBeLessThanOrEqual(0);
        if (width === judged) {
          const found = await new AxeBuilder({ page }).withTags(STANDARDS).analyze();
          const serious = found.violations.filter((one) => one.impact === "serious" || one.impact === "critical");
          expect(serious.map((one) => `${address} ${one.id}: ${one.nodes[0]?.html}`)).toEqual([]);
        }
        await page.screenshot({ path: join(PICTURES, `${name}-${theme}-${width}.png`) });
      }
    }
  });
}
