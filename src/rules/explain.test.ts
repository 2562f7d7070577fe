import assert from "node:assert/strict";
import { test } from "node:test";
import { scene } from "../../test/fixtures/scenes.ts";
import { FIELDS } from "../fields/registry.ts";
import { compileExplanation, decisiveChecks } from "./explain.ts";
import { parseCondition } from "./parse-condition.ts";

const opened = scene("openat", { fd: 3, dirfd: -100, name: "/etc/passwd", flags: 1, mode: 0 });

for (const [condition, holds, decisive] of [
  [
    "evt.type = openat and fd.name = /etc/shadow and proc.name = sh",
    false,
    ["fd.name = /etc/shadow /etc/passwd"],
  ],
  [
    "evt.type = openat and (fd.name = /x or proc.name = sh)",
    true,
    ["evt.type = openat openat", "proc.name = sh sh"],
  ],
  ["evt.type = openat and not (fd.name = /x or proc.name = sh)", false, ["proc.name = sh sh"]],
  ["evt.type = close or fd.sport = 80", false, ["evt.type = close openat", "fd.sport = 80 <NA>"]],
  ["proc.name = val(proc.pname)", false, ["proc.name = val(proc.pname) sh sshd"]],
  ["not not fd.num >= 3", true, ["fd.num >= 3 3"]],
] as const) {
  test(`compileExplanation() of ${condition}`, () => {
    const explanation = compileExplanation(parseCondition(condition), FIELDS)(opened);
    assert.equal(explanation.holds, holds);
    assert.deepEqual(
      decisiveChecks(explanation).map(({ check, values }) =>
        [check, ...(values ?? []).map(({ value }) => value)].join(" "),
      ),
      decisive,
    );
  });
}
