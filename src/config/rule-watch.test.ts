import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../test/fixtures/until.ts";
import { readRuleFiles } from "./rule-files.ts";
import { RuleWatch } from "./rule-watch.ts";

const SETTLE_MS = 60;
/** Longer than a change takes to be told. */
const QUIET_MS = 400;

interface Options {
  readonly pollMs?: number;
  /** Paths below the folder; the folder itself by default. */
  readonly paths?: readonly string[];
  readonly prepare?: (folder: string) => void;
}

/** A watched folder with `a.yaml` in it; `told` gets what is read at each change. */
function watched(
  t: TestContext,
  { pollMs = 60_000, paths = ["."], prepare = (): void => {} }: Options = {},
) {
  const folder = mkdtempSync(join(tmpdir(), "saker-rules-"));
  writeFileSync(join(folder, "a.yaml"), "one");
  prepare(folder);
  const told: string[] = [];
  const full = paths.map((path) => join(folder, path));
  const watch = new RuleWatch({
    paths: full,
    settleMs: SETTLE_MS,
    pollMs,
    onChange: () => {
      try {
        told.push(
          readRuleFiles(full)
            .map(({ text }) => text)
            .join("|"),
        );
      } catch (thrown) {
        told.push(thrown instanceof Error ? thrown.message.replaceAll(folder, "") : "");
      }
    },
  });
  watch.start();
  t.after(() => {
    watch.close();
    rmSync(folder, { recursive: true });
  });
  const path = (name: string): string => join(folder, name);
  const tells = (...expected: readonly string[]): Promise<unknown> =>
    until(`to be told ${JSON.stringify(expected)}`, () => told.length >= expected.length, {
      seen: () => JSON.stringify(told),
    })
      .then(() => sleep(QUIET_MS))
      .then(() => assert.deepEqual(told, expected));
  return { watch, told, path, tells };
}

test("RuleWatch tells of a file written over", async (t) => {
  const { path, tells } = watched(t);
  writeFileSync(path("a.yaml"), "two");
  await tells("two");
});

test("RuleWatch tells once of a file written in many steps, when it lies still", async (t) => {
  const { path, tells } = watched(t);
  truncateSync(path("a.yaml"));
  for (const text of ["t", "tw", "two"]) {
    await sleep(SETTLE_MS / 3);
    writeFileSync(path("a.yaml"), text);
  }
  await tells("two");
});

test("RuleWatch tells of a file that another one is renamed over, time after time", async (t) => {
  const { path, tells } = watched(t);
  writeFileSync(path(".a.yaml.tmp"), "two");
  renameSync(path(".a.yaml.tmp"), path("a.yaml"));
  await tells("two");
  writeFileSync(path(".a.yaml.tmp"), "three");
  renameSync(path(".a.yaml.tmp"), path("a.yaml"));
  await tells("two", "three");
});

test("RuleWatch tells of files that come and go", async (t) => {
  const { path, tells } = watched(t);
  writeFileSync(path("b.yaml"), "b");
  await tells("one|b");
  unlinkSync(path("a.yaml"));
  await tells("one|b", "b");
  unlinkSync(path("b.yaml"));
  await tells("one|b", "b", 'Cannot load rules from "": no .yaml or .yml file there');
});

test("RuleWatch tells of nothing when other files change, or hidden ones, or a change is taken back", async (t) => {
  const { path, told } = watched(t);
  writeFileSync(path("notes.txt"), "x");
  writeFileSync(path(".#a.yaml"), "x");
  writeFileSync(path("b.yaml"), "x");
  unlinkSync(path("b.yaml"));
  await sleep(QUIET_MS);
  assert.deepEqual(told, []);
});

test("RuleWatch tells of a single file that is renamed over, and of no other in its folder", async (t) => {
  const { path, tells } = watched(t, { paths: ["a.yaml"] });
  writeFileSync(path("b.yaml"), "b");
  await sleep(QUIET_MS);
  writeFileSync(path("new"), "two");
  renameSync(path("new"), path("a.yaml"));
  await tells("two");
});

/**
 * As kubelet lays out a ConfigMap: the files are links through `..data`, which is turned to a new
 * folder in one step.
 */
function configMap(folder: string, version: string, text: string): void {
  mkdirSync(join(folder, version));
  writeFileSync(join(folder, version, "a.yaml"), text);
  // The same length and times: only the link tells the versions apart.
  utimesSync(join(folder, version, "a.yaml"), 1, 1);
  symlinkSync(version, join(folder, "..data_tmp"));
  renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
}

const mounted = (folder: string): void => {
  unlinkSync(join(folder, "a.yaml"));
  configMap(folder, "..1", "one");
  symlinkSync("..data/a.yaml", join(folder, "a.yaml"));
};

for (const paths of [["."], ["a.yaml"]]) {
  test(`RuleWatch tells of a ConfigMap's new version, named by ${paths[0] === "." ? "folder" : "file"}`, async (t) => {
    const { path, tells } = watched(t, { paths, prepare: mounted });
    configMap(path("."), "..2", "two");
    rmSync(path("..1"), { recursive: true });
    await tells("two");
    configMap(path("."), "..3", "six");
    await tells("two", "six");
  });
}

test("RuleWatch tells of a link to a folder that is turned to another one, and of what then changes there", async (t) => {
  const prepare = (folder: string): void => {
    for (const version of ["v1", "v2"]) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, "a.yaml"), version);
    }
    symlinkSync("v1", join(folder, "current"));
  };
  const { path, tells } = watched(t, { paths: ["current"], prepare });
  symlinkSync("v2", path("next"));
  renameSync(path("next"), path("current"));
  await tells("v2");
  writeFileSync(path("v2/a.yaml"), "v3");
  await tells("v2", "v3");
});

test("RuleWatch finds by looking what the kernel does not tell of", async (t) => {
  // The folder behind two links: neither it nor the links' folders are watched.
  const prepare = (folder: string): void => {
    mkdirSync(join(folder, "far/v1"), { recursive: true });
    mkdirSync(join(folder, "far/v2"));
    mkdirSync(join(folder, "near"));
    writeFileSync(join(folder, "far/v1/a.yaml"), "v1");
    writeFileSync(join(folder, "far/v2/a.yaml"), "v2");
    symlinkSync("v1", join(folder, "far/current"));
    symlinkSync("../far/current", join(folder, "near/rules"));
  };
  const { path, tells } = watched(t, { paths: ["near/rules"], prepare, pollMs: 50 });
  symlinkSync("v2", path("far/next"));
  renameSync(path("far/next"), path("far/current"));
  await tells("v2");
});

test("RuleWatch goes on when its folder is taken away and comes back", async (t) => {
  const { path, tells } = watched(t, {
    paths: ["rules.d"],
    pollMs: 50,
    prepare: (folder) => {
      mkdirSync(join(folder, "rules.d"));
      writeFileSync(join(folder, "rules.d/a.yaml"), "one");
    },
  });
  renameSync(path("rules.d"), path("gone"));
  const missing = `Cannot load rules from "/rules.d": ENOENT: no such file or directory, stat '/rules.d'`;
  await tells(missing);
  renameSync(path("gone"), path("rules.d"));
  writeFileSync(path("rules.d/a.yaml"), "two");
  await tells(missing, "two");
});

test("RuleWatch.start() finds what changed since the constructor; acknowledge() takes it as seen", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-rules-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "a.yaml");
  const start = async (before: (watch: RuleWatch) => void): Promise<string[]> => {
    writeFileSync(file, "one");
    const told: string[] = [];
    const watch = new RuleWatch({
      paths: [file],
      settleMs: SETTLE_MS,
      onChange: () => told.push(readFileSync(file, "utf8")),
    });
    writeFileSync(file, "changed");
    before(watch);
    watch.start();
    await sleep(QUIET_MS);
    watch.close();
    return told;
  };
  assert.deepEqual(await start(() => {}), ["changed"]);
  assert.deepEqual(await start((watch) => watch.acknowledge()), []);
});
