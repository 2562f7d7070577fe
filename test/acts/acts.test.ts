import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { FIELDS } from "../../src/fields/registry.ts";
import { loadRules } from "../../src/rules/load-rules.ts";
import { CONTAINERS } from "./containers.ts";
import { HOSTS } from "./hosts.ts";
import { STABLE } from "./stable.ts";
import { type Act, actsMissing, OFFICIAL, Stage, type WatchOptions } from "./stage.ts";
import { FILLED_IN, SWITCHED_OFF } from "./switched-off.ts";

// One small and harmless act for each detection of Falco's rules, live: the expected alerts come,
// with the right process and place, and nothing else does.

type Acts = Readonly<Record<string, Act>>;

const FILES = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];

// Where control groups are those of version 2, each start of a container loads a program that lets
// it to its devices.
const NO_BPF = 'rules:\n  - disable: {rule: "BPF Program Not Profiled"}';

describe("acts", { skip: actsMissing() ?? false }, () => {
  const stage = new Stage();
  before(() => stage.open());
  after(() => stage.close());
  playAll("of the stable rules", STABLE, { files: FILES.slice(0, 1) });
  playAll("of all rules, in containers", CONTAINERS, { files: FILES, settings: NO_BPF });
  playAll("of all rules, on the host", HOSTS, { files: FILES, settings: NO_BPF });
  playAll("of rules that are switched off, left open or hidden", SWITCHED_OFF, {
    files: FILES,
    settings: only(SWITCHED_OFF),
    own: FILLED_IN,
  });

  function playAll(title: string, acts: Acts, options: WatchOptions): void {
    describe(title, () => {
      before(() => stage.startWatch(options));
      after(() => stage.stopWatch());
      for (const [name, act] of Object.entries(acts)) {
        test(`${name}: ${act.rules.join(", ")}`, async (t) => {
          if (act.isPrivileged === true && !stage.isPrivilegeAllowed)
            return t.skip("this machine starts no privileged containers");
          if (act.waitsFor !== undefined) return t.skip(`Saker lacks ${act.waitsFor}`);
          await stage.play(act);
        });
      }
      test("nothing was lost", () => assert.doesNotMatch(stage.words, /were lost/));
    });
  }
});

describe(
  "the acts are complete",
  { skip: existsSync(OFFICIAL) ? false : "needs ../shared/falco-rules" },
  () => {
    const loaded = loadRules(
      FILES.map((name) => ({ name, text: readFileSync(join(OFFICIAL, name), "utf8") })),
      { fields: FIELDS },
    );
    const official = loaded.rules.map(({ name }) => name);
    const played = new Set([STABLE, CONTAINERS, HOSTS, SWITCHED_OFF].flatMap(namesOf));

    test("every official rule has an act", () =>
      assert.deepEqual(
        official.filter((name) => !played.has(name)),
        [],
      ));
    test("every rule of an act is an official one", () =>
      assert.deepEqual(
        [...played].filter((name) => !official.includes(name)),
        [],
      ));
  },
);

function namesOf(acts: Acts): readonly string[] {
  return [...new Set(Object.values(acts).flatMap(({ rules }) => rules))];
}

/** All rules off but those of these acts, and none hides another. */
function only(acts: Acts): string {
  return [
    "rule_matching: all",
    "rules:",
    '  - disable: {rule: "*"}',
    ...namesOf(acts).map((name) => `  - enable: {rule: "${name}"}`),
  ].join("\n");
}
