import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { openOutputs, type OpenOutputsOptions, type OutputSettings } from "./open-outputs.ts";
import { OFF } from "./registry.ts";

function scratch(t: { after(fn: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), "saker-outputs-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function outputsIn(
  directory: string,
  settings: Partial<OutputSettings> = {},
  options: Partial<OpenOutputsOptions> = {},
) {
  const said: string[] = [];
  const outputs = await openOutputs(
    { ...OFF, capacity: undefined, slowMs: 2000, logLevel: undefined, ...settings },
    {
      format: { isoTime: false, utcOffsetMinutes: () => 0 },
      json: false,
      stdout: { stream: new PassThrough() },
      environment: {},
      report: {
        alertFiles: [join(directory, "falco_report.txt")],
        openPortFiles: [join(directory, "openport.txt")],
      },
      onProblem: (text) => said.push(text),
      onNote: (text) => said.push(text),
      ...options,
    },
  );
  const closed = async () => Promise.all(outputs.map((output) => output.close()));
  return { outputs, said, closed };
}

const read = (directory: string, name: string): string =>
  readFileSync(join(directory, name), "utf8");

test("openOutputs() writes every alert to the report and those of opened ports as JSON", async (t) => {
  const directory = scratch(t);
  const { outputs, said, closed } = await outputsIn(directory);
  for (const output of outputs) {
    output.take(alertNews());
    output.take(alertNews({ tags: [] }));
  }
  await closed();
  const text = "08:23:00.580354112: Warning New port opened in container (container_name=web)\n";
  assert.equal(read(directory, "falco_report.txt"), text + text);
  assert.deepEqual(JSON.parse(read(directory, "openport.txt")).tags, ["container", "open_port"]);
  assert.deepEqual(said, []);
});

test("openOutputs() has one file written once by whatever paths it is named", async (t) => {
  const directory = scratch(t);
  mkdirSync(join(directory, "real"));
  symlinkSync("real", join(directory, "other"));
  const { outputs, said, closed } = await outputsIn(join(directory, "real"), {
    file: { enabled: true, filename: join(directory, "other/falco_report.txt"), keepAlive: true },
  });
  for (const output of outputs) output.take(alertNews());
  const counts = await closed();
  assert.equal(read(directory, "real/falco_report.txt").split("\n").length, 2);
  assert.deepEqual(
    counts.map(({ delivered, duplicates }) => [delivered, duplicates]),
    [
      [1, 0],
      [1, 0],
      [0, 1],
    ],
  );
  assert.equal(said.length, 1);
  assert.match(said[0] ?? "", /other\/falco_report.txt" is not written to: report writes to the/);
});

test("openOutputs() never writes to the file that alerts are read from", async (t) => {
  const directory = scratch(t);
  const sourceFile = join(directory, "falco_report.txt");
  const { outputs, said, closed } = await outputsIn(directory, {}, { sourceFile });
  for (const output of outputs) output.take(alertNews());
  await closed();
  assert.equal(read(directory, "falco_report.txt"), "");
  assert.match(said[0] ?? "", /alerts are read from it/);
});

test("openOutputs() reports at the start what cannot be written to", async (t) => {
  const directory = scratch(t);
  mkdirSync(join(directory, "openport.txt"));
  const { said, closed } = await outputsIn(directory);
  assert.equal(said.length, 1);
  assert.match(said[0] ?? "", /^Cannot write to ".*openport.txt": it is a folder; alerts wait/);
  await closed();
});
