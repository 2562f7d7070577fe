import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { captureBytes } from "../fixtures/captures.ts";
import { saker } from "../fixtures/saker.ts";

const RULES = `- rule: Opened
  desc: d
  condition: evt.type = openat
  output: o
  priority: NOTICE
`;

function alert(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    rule: "Opened",
    priority: "Notice",
    source: "syscall",
    output: "o",
    time: "2026-11-30T00:00:00Z",
    output_fields: fields,
  });
}

const usual = alert({ "evt.type": "openat", "proc.name": "backupd", "fd.name": "/etc/shadow" });
const attack = alert({ "evt.type": "openat", "proc.name": "nc", "fd.name": "/etc/shadow" });

describe("saker rules tune", () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-tune-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string => join(folder, name);
  writeFileSync(at("r.yaml"), RULES);

  test("excepts what is usual, leaves what is not, and writes rules and tests that hold", async () => {
    const lines = [...Array.from({ length: 20 }, () => usual), attack, "no alert"];
    writeFileSync(at("alerts.jsonl"), `${lines.join("\n")}\n`);
    const [rules, override, tests] = [at("r.yaml"), at("tuned.yaml"), at("tuned.test.yaml")];
    const { code, out, err } = await saker(
      ["rules", "tune", at("alerts.jsonl"), "--rules", rules, "-o", override, "--tests", tests],
      {},
    );
    assert.equal(code, 0, err);
    assert.match(err, /^1 lines are no alerts in JSON/m);
    assert.match(out, /^Opened +21 +100 % +20 +1$/m);
    assert.match(out, /^Opened: except by proc\.name, fd\.name$/m);
    assert.match(out, /^ +20  backupd {2}\/etc\/shadow$/m);
    assert.match(out, /would not have silenced:\n +1 {2}proc\.name=nc {2}fd\.name=\/etc\/shadow$/m);
    assert.equal((await saker(["rules", "check", rules, override])).code, 0);
    const tested = await saker(["rules", "test", tests]);
    assert.deepEqual([tested.code, tested.out], [0, "2 passed, 0 failed\n"]);
    assert.match(readFileSync(tests, "utf8"), /rules: \[r\.yaml, tuned\.yaml\]/);
  });

  test("takes captures and standard input, and tells it in JSON", async () => {
    writeFileSync(at("small.scap"), captureBytes());
    const capture = await saker([
      "rules",
      "tune",
      at("small.scap"),
      "--rules",
      at("r.yaml"),
      "--json",
    ]);
    assert.equal(capture.code, 0, capture.err);
    const [first] = capture.out.split("\n");
    assert.equal((JSON.parse(first ?? "") as { rule: string }).rule, "Opened");
    const piped = await saker(["rules", "tune", "-", "--rules", at("r.yaml"), "--json"], {
      input: `${usual}\n`.repeat(9),
    });
    assert.deepEqual(JSON.parse(piped.out), {
      rule: "Opened",
      alerts: 9,
      silenced: 9,
      exception: {
        fields: ["proc.name", "fd.name"],
        rows: [{ values: ["backupd", "/etc/shadow"], count: 9 }],
      },
      wouldSilence: [{ count: 9, values: { "proc.name": "backupd", "fd.name": "/etc/shadow" } }],
      wouldNotSilence: [],
    });
  });

  test("says what it cannot use, exit code 2", async () => {
    for (const [args, error] of [
      [[at("none")], /Cannot read alerts from/],
      [["-", "--top", "0"], /Cannot use --top "0"/],
      [["-", "--field", "proc.nam"], /did you mean "proc\.name"\?/],
    ] as const) {
      const { code, err } = await saker(["rules", "tune", ...args], { input: "" });
      assert.equal(code, 2);
      assert.match(err, error);
    }
  });
});
