// What a page that is open costs a watch: CPU of the whole process while 50 alerts a second come in,
// by turns without a page and with one that shows them; each of another file, so that none repeats. `sh scripts/node24 bench/page-open.ts`
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openPage, startChromium } from "../test/fixtures/chromium.ts";
import { freePort } from "../test/fixtures/free-port.ts";
import { startSaker } from "../test/fixtures/saker.ts";
import { until } from "../test/fixtures/until.ts";

const TURNS = 3;
const TURN_MS = 8000;
const STEP_MS = 100;
const ALERTS_A_STEP = 5;

const folder = mkdtempSync(join(tmpdir(), "saker-page-open-"));
const file = join(folder, "falco.json");
writeFileSync(file, "");
const port = await freePort();
const report = ["--report", join(folder, "report"), "-o", `web.port=${port}`];
const watch = startSaker(["watch", "--source", `falco:${file}`, "--no-audit", ...report]);
const [browser] = await Promise.all([
  startChromium(),
  until("the page's address", () => watch.err().includes("page: ")),
]);
const { page } = await openPage(browser);
await page.goto(/page: (\S+)/.exec(watch.err())?.[1] ?? "");
const shares: Record<"without" | "with", number[]> = { without: [], with: [] };
for (let turn = 0; turn < TURNS; turn += 1) {
  await page.goto("about:blank");
  await sleep(500);
  shares.without.push(await share());
  await page.goto(`http://127.0.0.1:${port}/alerts`);
  await page.getByText("live", { exact: true }).waitFor();
  await sleep(500);
  shares.with.push(await share());
}
for (const [name, values] of Object.entries(shares))
  console.log(`${name} a page: ${values.map((value) => `${value.toFixed(1)} %`).join(", ")}`);
console.log(`load average ${loadavg()[0]?.toFixed(1)}`);
await browser.close();
await watch.stop();
rmSync(folder, { recursive: true });

/** Of one core, in per cent, while alerts come in. */
async function share(): Promise<number> {
  const [ticks, start] = [cpuTicks(), performance.now()];
  while (performance.now() - start < TURN_MS) {
    appendFileSync(file, Array.from({ length: ALERTS_A_STEP }, line).join(""));
    await sleep(STEP_MS);
  }
  return ((cpuTicks() - ticks) * 1000) / (performance.now() - start);
}

/** User and system, in hundredths of a second (proc(5), fields 14 and 15). */
function cpuTicks(): number {
  const fields =
    readFileSync(`/proc/${watch.child.pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

function line(): string {
  const name = `/tmp/${Math.random()}`;
  const fields = { "container.name": "web", "fd.name": name };
  const alert = { rule: "R", priority: "Notice", output: "o", source: "syscall" };
  const time = new Date().toISOString();
  return `${JSON.stringify({ ...alert, time, output_fields: fields })}\n`;
}
