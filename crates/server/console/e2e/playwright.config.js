// @ts-check
// The browser tests of the console: one server over a made-up estate, the system's own Chromium.
import { defineConfig } from "@playwright/test";

const QUIET = [
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];
const isRoot = process.getuid?.() === 0;

export default defineConfig({
  testDir: ".",
  globalSetup: "./server.js",
  timeout: 60_000,
  fullyParallel: true,
  workers: 2,
  use: {
    launchOptions: {
      executablePath: process.env.CHROMIUM,
      // Chromium's sandbox needs a user other than root.
      args: isRoot ? [...QUIET, "--no-sandbox"] : QUIET,
    },
    // A trace of every test doubles the time they take: a failure is run again with `--trace on`.
    screenshot: "only-on-failure",
  },
});
