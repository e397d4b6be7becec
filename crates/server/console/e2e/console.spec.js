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
  "/", "/identities", "/credentials", "/places", "/owners", "/findings", "/coverage", "/coverage/gaps", "/lint", "/permissions",
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
  const chip = page.locator(".chip").filter({ hasText: "Kind" });
  await expect(chip).toHaveCount(1);
  await expect(page).toHaveURL(/filter=kind/);
  await page.locator("tbody tr .name").first().click();
  await expect(page.locator(".tabs")).toBeVisible();
  await page.goBack();
  await expect(chip).toHaveCount(1);
  await page.getByRole("link", { name: /^Remove Kind/ }).click();
  await expect(chip).toHaveCount(0);
  await expect(rows).toHaveCount(before);
});

test("Today and the list count the same identities, and people's accounts are a chip away", async ({ page }) => {
  await signIn(page);
  const figure = page.locator(".figures a").filter({ hasText: "identities" });
  const counted = Number((await figure.locator("b").textContent())?.replaceAll(",", ""));
  await figure.click();
  const position = page.locator(".pager");
  const total = async () => Number((await position.textContent())?.match(/of ([\d,]+)/)?.[1].replaceAll(",", ""));
  expect(await total()).toBe(counted);
  const listed = await page.evaluate(() => fetch("/api/v1/identities?limit=1").then((reply) => reply.json()));
  expect(listed.total).toBe(counted);
  await page.getByRole("link", { name: "Remove Without people's accounts" }).click();
  await expect(page.locator(".chip")).toHaveText(/With people's accounts/);
  expect(await total()).toBeGreaterThan(counted);
  await page.getByRole("link", { name: "Remove With people's accounts" }).click();
  await expect(page.locator(".chip")).toHaveText(/Without people's accounts/);
  expect(await total()).toBe(counted);
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
  const told = await page.evaluate(() => fetch("/api/v1/gaps?limit=1").then((reply) => reply.json()));
  const { gap } = told.items[0];
  expect(gap.locus).toMatch(/./);
  expect(gap.missing).toMatch(/./);
  const row = page.locator("tbody tr").filter({ hasText: gap.locus });
  await expect(row).toContainText(gap.reason.replaceAll("_", " ").replaceAll("-", " "));
  await expect(row).toContainText(gap.missing);
  await expect(row).toContainText(gap.detail ?? "nothing more said");
});

test("what went wrong is said where it can be read", async ({ page }) => {
  await signIn(page);
  await page.goto("/sources");
  await page.getByRole("button", { name: "Add a source" }).click();
  await page.getByLabel("Settings, one to a line").fill("paths /srv/app");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("name = value");
  const bar = await page.locator("header.top").boundingBox();
  const said = await alert.boundingBox();
  expect(said?.y ?? 0).toBeGreaterThanOrEqual((bar?.y ?? 0) + (bar?.height ?? 0));
});

test("the keyboard alone walks through a list and a page about one thing", async ({ page }) => {
  await signIn(page);
  await page.goto("/identities");
  const focused = page.locator(":focus");
  /** @param {import("@playwright/test").Locator} wanted @param {number} most */
  const tabTo = async (wanted, most) => {
    for (let n = 0; n < most; n += 1) {
      await page.keyboard.press("Tab");
      if (await wanted.evaluate((element) => element === document.activeElement)) return;
    }
    throw new Error(`${wanted} is not reached with ${most} steps of the keyboard`);
  };
  // A facet opens, is walked through and chosen from.
  await tabTo(page.getByRole("button", { name: "Kind", exact: true }), 40);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await expect(focused).toHaveAttribute("href", /filter=kind/);
  await page.keyboard.press("Enter");
  await expect(page.locator(".chip").filter({ hasText: "Kind" })).toHaveCount(1);
  // A heading sorts, and keeps the focus.
  const heading = page.getByRole("columnheader", { name: "Name" });
  await tabTo(heading.getByRole("link"), 60);
  await page.keyboard.press("Enter");
  await expect(heading).toHaveAttribute("aria-sort", "descending");
  // A row leads to its page, whose tabs and claim are reached.
  await tabTo(page.locator("tbody tr .name").first(), 60);
  await page.keyboard.press("Enter");
  await expect(page.locator(".tabs")).toBeVisible();
  await tabTo(page.getByRole("button", { name: "Claim" }).first(), 40);
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Owner")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByLabel("Owner")).toBeHidden();
  await tabTo(page.locator(".tabs").getByRole("link", { name: "History" }), 10);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/history$/);
  await expect(page.locator(".timeline")).toBeVisible();
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

// Every page is judged by axe in both themes and at both widths, and must not scroll sideways.
const WIDTHS = [1440, 390];
const THEMES = /** @type {const} */ (["light", "dark"]);

for (const theme of THEMES) for (const width of WIDTHS) {
  test(`every page in ${theme} at ${width} px`, async ({ page }) => {
    test.setTimeout(360_000);
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 900 });
    const judge = async (/** @type {string} */ address) => {
      // What lies half under the bar at the top would be judged too small to hit.
      await page.evaluate(() => scrollTo(0, 0));
      const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(sideways, `${address} scrolls sideways at ${width} px`).toBeLessThanOrEqual(0);
      // A page holds no frames of others: nothing has to be put together in a page of its own.
      const wanted = { runOnly: STANDARDS, resultTypes: ["violations"] };
      const found = await new AxeBuilder({ page }).setLegacyMode().options(wanted).analyze();
      const serious = found.violations.filter((one) => one.impact === "serious" || one.impact === "critical");
      expect(serious.map((one) => `${address} ${one.id}: ${one.nodes[0]?.html}`)).toEqual([]);
      const plain = address.split("?")[0].replace(/[a-z]{3}_[a-z0-9]+/, "one");
      const name = plain.split("/").filter(Boolean).join("-") || "today";
      await page.screenshot({ path: join(PICTURES, `${name}-${theme}-${width}.png`) });
    };
    await page.goto("/sign-in");
    await judge("/sign-in");
    await signIn(page);
    const pages = [...PAGES];
    for (const list of ["/identities", "/credentials", "/places", "/findings"]) {
      await page.goto(list);
      const first = await page.locator("tbody tr .name").first().getAttribute("href");
      if (!first) throw new Error(`${list} is empty`);
      pages.push(first);
      if (list === "/identities") {
        pages.push(...["credentials", "permissions", "history", "evidence"].map((tab) => `${first}/${tab}`));
      }
    }
    for (const address of pages) {
      const reply = await page.goto(address);
      expect(reply?.status(), address).toBe(200);
      await judge(address);
    }
    const missing = await page.goto("/nothing-here");
    expect(missing?.status()).toBe(404);
    await judge("/nothing-here");
    // What opens over a page is judged open.
    await page.goto("/");
    await page.keyboard.press("/");
    await page.keyboard.type("deploy");
    await expect(page.locator("#hits .sub").filter({ hasText: "·" }).first()).toBeVisible();
    await judge("/palette");
    await page.keyboard.press("Escape");
    await page.goto("/sources");
    await page.getByRole("button", { name: "Add a source" }).click();
    await page.getByText("Settings of each connector").click();
    await judge("/sources/add");
    await page.goto("/settings");
    for (const form of await page.locator("summary").all()) await form.click();
    await judge("/settings/forms");
  });
}
