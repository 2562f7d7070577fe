// The page's weight, and how soon something is painted: the files as they are sent, then nine loads
// of a page with 2,000 alerts in Debian's Chromium. `sh scripts/node24 bench/page.ts`
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { openPage, startChromium } from "../test/fixtures/chromium.ts";
import { freePort } from "../test/fixtures/free-port.ts";
import { startSaker } from "../test/fixtures/saker.ts";
import { until } from "../test/fixtures/until.ts";

const LOADS = 9;
const UI = join(import.meta.dirname, "../dist/ui");

const sent = ["index.html.br", ...readdirSync(join(UI, "assets")).map((name) => `assets/${name}`)];
const bytes = sent
  .filter((name) => name.endsWith(".br"))
  .reduce((sum, name) => sum + statSync(join(UI, name)).size, 0);
console.log(`page, style and script with brotli: ${bytes} bytes`);

const folder = mkdtempSync(join(tmpdir(), "saker-page-bench-"));
const alert = { rule: "R", priority: "Notice", output: "o", source: "syscall", output_fields: {} };
const line = `${JSON.stringify({ ...alert, time: new Date().toISOString() })}\n`;
writeFileSync(join(folder, "falco.json"), line.repeat(2000));
const port = await freePort();
const source = ["--source", `falco:${join(folder, "falco.json")}`, "--no-audit"];
const watch = startSaker([
  "watch",
  ...source,
  "--report",
  join(folder, "report"),
  "-o",
  `web.port=${port}`,
]);
const [browser] = await Promise.all([
  startChromium(),
  until("the page's address", () => watch.err().includes("page: ")),
]);
const { page } = await openPage(browser);
await page.goto(/page: (\S+)/.exec(watch.err())?.[1] ?? "");
const paints: number[] = [];
const rows: number[] = [];
for (let load = 0; load < LOADS; load += 1) {
  await page.goto(`http://127.0.0.1:${port}/alerts`);
  await page.locator(".rows .row").first().waitFor();
  rows.push(Math.round(await page.locator("body").evaluate(() => performance.now())));
  paints.push(
    await page
      .locator("body")
      .evaluate(() => Math.round(performance.getEntriesByName("first-paint")[0]?.startTime ?? 0)),
  );
}
console.log(`first paint: ${median(paints)} ms (${paints.join(" ")})`);
console.log(`first row: ${median(rows)} ms (${rows.join(" ")})`);
console.log(`load average ${loadavg()[0]?.toFixed(1)}`);
await browser.close();
await watch.stop();
rmSync(folder, { recursive: true });

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
