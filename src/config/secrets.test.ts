// No secret of an output's settings is ever shown, wherever it is taken from.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { saker } from "../../test/fixtures/saker.ts";
import { openDestinations } from "../outputs/open-outputs.ts";
import { OUTPUT_KINDS } from "../outputs/registry.ts";
import { loadConfig } from "./config-file.ts";

const SECRET = "S3CR3T";

/** Every option that is marked so; an address leads to a port of this host that nobody listens at. */
const OPTIONS = Object.values(OUTPUT_KINDS).flatMap(({ section, options }) =>
  Object.entries<{ readonly key: string; readonly secret?: true }>(options)
    .filter(([, { secret }]) => secret === true)
    .map(([name, { key }]) => ({
      name: `${section}.${key}`,
      value: name === "address" ? `http://127.0.0.1:1/${SECRET}` : `x-${SECRET}:${SECRET}`,
    })),
);

function scratch(t: { after(fn: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), "saker-secrets-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("what sounds like a secret is marked as one", () => {
  const unmarked = Object.values(OUTPUT_KINDS).flatMap(({ section, options }) =>
    Object.values<{ readonly key: string; readonly secret?: true }>(options)
      .filter(({ key, secret }) => /token|password|secret|(?:api|routing)key/.test(key) && !secret)
      .map(({ key }) => `${section}.${key}`),
  );
  assert.deepEqual(unmarked, []);
});

test("secrets are taken from files and shown nowhere", async (t) => {
  const cwd = scratch(t);
  const env: Record<string, string> = {};
  const lines = OPTIONS.map(({ name, value }, at) => {
    env[`OPTION_${at}_FILE`] = join(cwd, String(at));
    writeFileSync(join(cwd, String(at)), `${value}\n`);
    return `${name}: \${OPTION_${at}}\n`;
  });
  assert.ok(lines.length > 5);
  writeFileSync(join(cwd, "plain.yaml"), "");
  const overrides = lines.map((line) => line.trimEnd().replace(": ", "="));
  const { settings, notes } = loadConfig(join(cwd, "plain.yaml"), { environment: env, overrides });
  const said = [...notes];
  const options = overrides.flatMap((one) => ["-o", one]);
  for (const args of [["print"], ["print", "--json"], ["check", "plain.yaml"]]) {
    const { code, out, err } = await saker(["config", ...args, ...options], { cwd, env });
    assert.equal(code, 0, err);
    said.push(out, err);
  }
  const destinations = openDestinations(settings.outputs, {
    format: { isoTime: false, utcOffsetMinutes: () => 0 },
    json: true,
    stdout: { stream: new PassThrough() },
    environment: {},
    onProblem: (text) => said.push(text),
    onNote: (text) => said.push(text),
  });
  let tried = 0;
  for (const destination of destinations) {
    const { name, target, endpoint } = destination;
    said.push(name, target, JSON.stringify(endpoint ?? ""));
    said.push((await destination.check?.()) ?? "");
    const line = endpoint?.host === "127.0.0.1" ? destination.format(alertNews()) : undefined;
    if (line !== undefined) {
      tried += 1;
      const answer = await destination.deliver([line], AbortSignal.timeout(10_000));
      assert.equal(answer.delivered, 0);
      said.push(JSON.stringify(answer));
    }
    await destination.close();
  }
  assert.ok(tried > 3);
  assert.doesNotMatch(said.join("\n"), new RegExp(SECRET));
});

test("a secret's file that cannot be read is named, and a FIFO is waited for by nobody", (t) => {
  const folder = scratch(t);
  const path = join(folder, "secret");
  const load = (): unknown =>
    loadConfig(undefined, { environment: { S_FILE: path }, overrides: ["slack.webhookurl=${S}"] });
  assert.throws(load, /^AppError: Cannot read ".*secret", which S_FILE names: .*ENOENT/);
  execFileSync("mkfifo", [path]);
  assert.throws(load, /S_FILE names: it is not a file/);
  rmSync(path);
  writeFileSync(path, "x".repeat(70_000));
  assert.throws(load, /S_FILE names: it is larger than 65536 bytes/);
});
