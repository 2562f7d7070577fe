import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { event } from "../../test/fixtures/records.ts";
import { fuseMissing, mountSilentFileSystem } from "../../test/fixtures/silent-file-system.ts";
import { until } from "../../test/fixtures/until.ts";
import { readCapture } from "../capture/scap-reader.ts";
import { DEFAULT_SETTINGS } from "../config/settings.ts";
import { parseConfig } from "../config/config-file.ts";
import { containersOfHost } from "./containers-of-host.ts";
import { MatchCaptures } from "./match-captures.ts";

const RULE = { name: "R", capture: true, captureDuration: 60_000 };
let number = 0;

/** An event of now; its path says which. */
function seen(path: string, secondsAgo = 0) {
  const timestamp = BigInt(Date.now()) * 1_000_000n - BigInt(secondsAgo) * 1_000_000_000n;
  const one = event("chdir", { res: 0, path }, { timestamp });
  number += 1;
  one.num = number;
  return one;
}

function capturesIn(folder: string, config = "") {
  const text = `capture: {enabled: true, path_prefix: ${folder}/incident${config}}\n`;
  const settings = parseConfig(text, { path: "x.yaml", environment: {} }).settings.capture;
  assert.ok(settings !== undefined && DEFAULT_SETTINGS.capture === undefined);
  const lines: string[] = [];
  const captures = new MatchCaptures({
    settings,
    containers: containersOfHost({ environment: {}, onProblem: () => {} }),
    onNote: (line) => lines.push(line),
    onProblem: (line) => lines.push(line),
    onLimit: (path) => lines.push(`limit ${path}`),
  });
  return { captures, lines };
}

async function pathsIn(folder: string): Promise<string[][]> {
  return Promise.all(
    readdirSync(folder)
      .toSorted()
      .map(async (name) => {
        const paths: string[] = [];
        await readCapture(join(folder, name), {
          host: () => {},
          event: (one, isShown) => void (isShown && paths.push(one.text(1) ?? "")),
        });
        return paths;
      }),
  );
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "saker-match-captures-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("MatchCaptures writes what was before a match and what follows, until it is closed", async (t) => {
  const folder = folderOf(t);
  const { captures, lines } = capturesIn(folder);
  const match = seen("/match");
  captures.event(seen("/before", 1));
  captures.event(match);
  captures.matched(RULE, match);
  for (let index = 0; index < 2000; index += 1) captures.event(seen("/after"));
  await captures.close();
  const [paths = []] = await pathsIn(folder);
  assert.deepEqual([paths.length, ...paths.slice(0, 3)], [2002, "/before", "/match", "/after"]);
  assert.match(lines.join("\n"), /^R: capturing events to \S+\.scap$/);
});

test("MatchCaptures: after a file that was refused there is none for a while, and no word more", async (t) => {
  const folder = folderOf(t);
  const { captures, lines } = capturesIn(folder, ", max_files: 1, default_duration: 1");
  const rule = { ...RULE, captureDuration: 0 };
  for (let index = 0; index < 3; index += 1) {
    const match = seen(`/match${index}`);
    captures.event(match);
    captures.matched(rule, match);
    const before = lines.length;
    captures.event(seen("/later", -10));
    await until("word of it", () => lines.length > before || index === 2, {
      seen: () => lines.join(),
    });
  }
  await captures.close();
  assert.deepEqual(await pathsIn(folder), [["/match0", "/later"]]);
  assert.equal(lines.length, 2, lines.join("\n"));
  assert.match(lines[1] ?? "", /1 captures at .+: no further one is written/);
});

test("MatchCaptures waits for no disk: one that does not answer holds neither events nor the end", async (t) => {
  const missing = fuseMissing();
  if (missing !== undefined) return t.skip(missing);
  const silent = await mountSilentFileSystem([]);
  t.after(silent.release);
  silent.fallSilent();
  const { captures, lines } = capturesIn(silent.point);
  const match = seen("/match");
  captures.event(match);
  captures.matched(RULE, match);
  for (let index = 0; index < 100_000; index += 1) captures.event(seen("/after"));
  await captures.close();
  assert.match(lines.join("\n"), /a capture is not whole: its disk does not answer/);
});
