// @ts-check
// Starts the server under test on a free port, over a scratch folder, and stops it after the tests.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const START_MS = 120_000;

export default async function start() {
  const program = process.env.TUTELA_BIN;
  if (!program) throw new Error("run this with `cargo xtask e2e`, which builds the server");
  const folder = mkdtempSync(join(tmpdir(), "tutela-e2e-"));
  const server = spawn(program, [folder], { stdio: ["ignore", "pipe", "inherit"] });
  const address = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("the server did not start")), START_MS);
    createInterface({ input: server.stdout }).once("line", (line) => {
      clearTimeout(late);
      resolve(line.trim());
    });
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  process.env.TUTELA_ADDRESS = address;
  return async () => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGINT");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
}
