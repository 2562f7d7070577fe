import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { whyNoBpf } from "../fixtures/live-bpf.ts";
import { type RunningSaker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

/** Longer than it takes to tell of a change. */
const QUIET_MS = 1000;

const rule = (name: string, events: string, output = "%evt.arg[1]"): string =>
  `- rule: ${name}\n  desc: d\n  condition: evt.type in (${events}) and evt.args contains saker-reload\n  output: "${output}"\n  priority: NOTICE\n`;
const MADE = "mkdir, mkdirat";
const LINKED = "symlink, symlinkat";

describe("saker watch while its rules change", { skip: whyNoBpf() }, () => {
  test("loads what is added, keeps the old rules while a file is broken, and takes it repaired", async (t) => {
    const { write, path, said, alerts, make, link, watch } = await watching(t, {
      "a.yaml": rule("Made", MADE),
    });
    make("one");
    await alerts("Made: saker-reload-one");

    // An event that no rule asked for until now.
    link("unasked");
    write("b.yaml", rule("Linked", LINKED));
    await said('rules reloaded: added "Linked"; 2 rules from 2 files');
    link("asked");
    await alerts("Made: saker-reload-one", "Linked: saker-reload-asked");

    write("a.yaml", rule("Made", MADE).replace("contains", "contians"));
    await said("the 2 rules loaded before stay in place");
    assert.match(
      watch.err(),
      /a\.yaml:3:\d+: error LOAD_ERR_COMPILE_CONDITION: .*\n .*contians.*\n +\^/,
    );
    await sleep(QUIET_MS);
    assert.equal(watch.err().split("stay in place").length - 1, 1);
    make("two");
    await alerts("Made: saker-reload-one", "Linked: saker-reload-asked", "Made: saker-reload-two");

    write("a.yaml", rule("Made", MADE, "repaired %evt.arg[1]"));
    await said('rules reloaded: changed "Made"; 2 rules from 2 files');
    unlinkSync(path("b.yaml"));
    await said('rules reloaded: removed "Linked"; 1 rules from 1 files');
    link("removed");
    make("three");
    await alerts(
      "Made: saker-reload-one",
      "Linked: saker-reload-asked",
      "Made: saker-reload-two",
      "Made: repaired saker-reload-three",
    );
  });

  test("takes an empty file for a step of an editor, not for the truth", async (t) => {
    const { write, path, said, alerts, make } = await watching(t, { "a.yaml": rule("Made", MADE) });
    truncateSync(path("a.yaml"));
    await said("the file is empty now; the 1 rules loaded before stay in place");
    make("one");
    await alerts("Made: saker-reload-one");
    write("a.yaml", rule("Renamed", MADE));
    await said('added "Renamed"; removed "Made"; 1 rules');
  });

  test("loses no event and tells none twice while rules are swapped", async (t) => {
    const { write, path, said, make, watch } = await watching(t, {
      "a.yaml": rule("Made", MADE),
      "z.yaml": rule("Last", LINKED),
    });
    let [made, swaps] = [0, 0];
    while (swaps < 4) {
      swaps += 1;
      if (swaps % 2 === 1) write("b.yaml", rule("Linked", LINKED));
      else unlinkSync(path("b.yaml"));
      const before = watch.err().length;
      while (!watch.err().slice(before).includes("rules reloaded")) {
        make(`n${made}.`);
        made += 1;
        assert.ok(made < 20_000, watch.err());
        await sleep(1);
      }
    }
    await said("rules reloaded: removed");
    make("end.");
    await until("the last alert", () => watch.out().includes("saker-reload-end."), {
      seen: watch.err,
    });
    const told = alertsOf(watch).map(({ output }) => /saker-reload-\w+\./.exec(output)?.[0]);
    assert.deepEqual(told, [
      ...Array.from({ length: made }, (_, index) => `saker-reload-n${index}.`),
      "saker-reload-end.",
    ]);
  });

  test("follows a ConfigMap, whose files are links through a folder that is swapped", async (t) => {
    const version = (folder: string, name: string, text: string): void => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "a.yaml"), text);
      symlinkSync(name, join(folder, "..tmp"));
      renameSync(join(folder, "..tmp"), join(folder, "..data"));
    };
    const prepare = (folder: string): void => {
      version(folder, "..2026_1", rule("Made", MADE));
      symlinkSync("..data/a.yaml", join(folder, "a.yaml"));
    };
    const { path, said, alerts, link } = await watching(t, {}, { prepare });
    version(path("."), "..2026_2", rule("Linked", LINKED));
    rmSync(path("..2026_1"), { recursive: true });
    await said('added "Linked"; removed "Made"; 1 rules from 1 files');
    link("one");
    await alerts("Linked: saker-reload-one");
  });

  test("loads on SIGHUP at once, and on nothing else where watch_config_files is false", async (t) => {
    const { write, said, alerts, make, watch } = await watching(
      t,
      { "a.yaml": rule("Made", MADE) },
      { config: "watch_config_files: false\n" },
    );
    watch.child.kill("SIGHUP");
    await said("rules reloaded: nothing changed; 1 rules from 1 files");
    write("a.yaml", rule("New", MADE));
    await sleep(QUIET_MS);
    make("one");
    await alerts("Made: saker-reload-one");
    watch.child.kill("SIGHUP");
    await said('rules reloaded: added "New"; removed "Made"');
    make("two");
    await alerts("Made: saker-reload-one", "New: saker-reload-two");
  });

  test("says which rule hides another, and with --stats what rules cost", async (t) => {
    const files = {
      "a.yaml": rule("Catch all", MADE).replace(/ and evt.args.*/, ""),
      "b.yaml": rule("Hidden", MADE),
    };
    const { said, make } = await watching(t, files, { options: ["--stats"] });
    await said('rule "Hidden"');
    await said('is never told: "Catch all"');
    for (let index = 0; index < 200; index += 1) make(`n${index}`);
    await said("% of rule time: Catch all (");
  });
});

interface WatchingOptions {
  readonly config?: string;
  readonly options?: readonly string[];
  readonly prepare?: (folder: string) => void;
}

/** A watch with the files of a folder as its rules, and what a test does beside it. */
async function watching(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  { config = "", options = [], prepare = () => {} }: WatchingOptions = {},
) {
  const folder = mkdtempSync(join(tmpdir(), "saker-e2e-"));
  const path = (name: string): string => join(folder, "rules", name);
  const write = (name: string, text: string): void => writeFileSync(path(name), text);
  mkdirSync(path("."));
  for (const [name, text] of Object.entries(files)) write(name, text);
  prepare(path("."));
  writeFileSync(join(folder, "saker.yaml"), `rules_files: [${path("")}]\n${config}`);
  const watch = startSaker(
    [
      "watch",
      "--config",
      join(folder, "saker.yaml"),
      "--report",
      join(folder, "report"),
      "--no-audit",
      "--json",
      // Each alert is counted here.
      "-o",
      "repeated_alerts.max=0",
      "-o",
      "repeated_alerts.container_max=0",
      ...options,
    ],
    { cwd: folder },
  );
  t.after(async () => {
    await watch.stop();
    rmSync(folder, { recursive: true });
  });
  await until("the watch to begin", () => watch.err().includes("watching this host"), {
    seen: watch.err,
  });
  return {
    path,
    write,
    watch,
    make: (name: string): void => mkdirSync(join(folder, `saker-reload-${name}`)),
    link: (name: string): void => symlinkSync(`saker-reload-${name}`, join(folder, name)),
    said: (text: string): Promise<unknown> =>
      until(`the words ${text}`, () => watch.err().includes(text), { seen: watch.err }),
    /** These are all alerts so far: what comes in between would be seen. */
    alerts: async (...expected: readonly string[]): Promise<void> => {
      const told = (): string[] =>
        alertsOf(watch).map(
          ({ rule: name, output }) => `${name}: ${ownOutput(output).replace(/\/\S*\//, "")}`,
        );
      await until(`the alerts ${expected.join("; ")}`, () => told().length >= expected.length, {
        seen: () => JSON.stringify(told()) + watch.err(),
      });
      assert.deepEqual(told(), expected);
    },
  };
}

/** A rule's own output, without the time, the priority and the fields that are always added. */
function ownOutput(output: string): string {
  return output.replace(/^\S+ Notice /, "").replace(/ container_id=.*$/, "");
}

function alertsOf(watch: RunningSaker): { readonly rule: string; readonly output: string }[] {
  const lines = watch.out().split("\n");
  return lines.slice(0, -1).map((line) => JSON.parse(line) as { rule: string; output: string });
}
