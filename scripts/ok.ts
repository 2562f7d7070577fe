// Everything that must be green before a commit: format, types, lint with borders, dead code,
// tests.
import { spawnSync } from "node:child_process";

const CHECKS: readonly (readonly [name: string, ...command: string[]])[] = [
  ["format", "node_modules/oxfmt/bin/oxfmt", "--check", "."],
  ["types", "node_modules/.bin/tsc", "-p", "."],
  ["types of the page", "node_modules/.bin/tsc", "-p", "ui"],
  ["lint and borders", "node_modules/oxlint/bin/oxlint", "-c", "oxlint.config.ts"],
  ["dead code", "node_modules/knip/bin/knip.js"],
  ["documents made from tables", "scripts/docs.ts", "--check"],
  ["tests", "scripts/test.ts"],
];

for (const [name, script, ...args] of CHECKS) {
  console.log(`— ${name}`);
  const result = spawnSync(process.execPath, [script ?? "", ...args], { stdio: "inherit" });
  if (result.status !== 0) {
    console.error(`ok: error: ${name} failed`);
    process.exit(result.status ?? 1);
  }
}
console.log("ok");
