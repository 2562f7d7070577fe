import assert from "node:assert/strict";
import { test } from "node:test";
import { RuleAlerts, suggestException } from "./suggest-exception.ts";
import { TUNING_FIELDS } from "./tuning-fields.ts";

type Values = Readonly<Record<string, string | number | null>>;

function alerts(...many: readonly (readonly [times: number, values: Values])[]): RuleAlerts {
  const all = new RuleAlerts();
  for (const [times, values] of many)
    for (let index = 0; index < times; index += 1)
      all.add(new Map(Object.entries(values)), TUNING_FIELDS);
  return all;
}

test("suggestException() takes the fewest values that silence most, as narrow as they can be", () => {
  const found = suggestException(
    alerts(
      [60, { "proc.name": "backupd", "proc.pname": "cron", "fd.name": "/etc/shadow" }],
      [30, { "proc.name": "scanner", "proc.pname": "systemd", "fd.name": "/etc/shadow" }],
      [3, { "proc.name": "cat", "proc.pname": "bash", "fd.name": "/etc/shadow" }],
    ),
  );
  assert.deepEqual(found, {
    fields: ["proc.name", "fd.name", "proc.pname"],
    rows: [
      { values: ["backupd", "/etc/shadow", "cron"], count: 60 },
      { values: ["scanner", "/etc/shadow", "systemd"], count: 30 },
    ],
    silenced: 90,
  });
});

test("suggestException() passes over fields that vary", () => {
  const all = new RuleAlerts();
  for (let index = 0; index < 1000; index += 1)
    all.add(
      new Map(
        Object.entries({
          "proc.name": "tar",
          "fd.name": `/etc/file ${index}`,
          "user.name": "root",
        }),
      ),
      TUNING_FIELDS,
    );
  const found = suggestException(all);
  assert.deepEqual(found?.fields, ["proc.name", "user.name"]);
  assert.equal(found.silenced, 1000);
});

test("suggestException() excepts nobody by what he did alone", () => {
  assert.equal(
    suggestException(alerts([50, { "fd.name": "/etc/shadow", "user.name": "root" }])),
    undefined,
  );
});

test("suggestException() has nothing to suggest where all alerts differ", () => {
  const all = new RuleAlerts();
  for (let index = 0; index < 100; index += 1)
    all.add(new Map([["proc.name", `p${index}`]]), TUNING_FIELDS);
  assert.equal(suggestException(all), undefined);
});

test("suggestException() names no value that is missing, empty, overlong or not to be seen", () => {
  for (const value of [
    "",
    "<NA>",
    null,
    "x".repeat(300),
    "a\u202eb",
    "a\nb",
    "a\0",
    "a\udc80",
    "a\\",
  ])
    assert.equal(
      suggestException(alerts([50, { "proc.name": value }])),
      undefined,
      JSON.stringify(value),
    );
});

test("RuleAlerts.add() counts all, and keeps so many different ones", () => {
  const all = new RuleAlerts();
  for (let index = 0; index < 25_000; index += 1)
    all.add(new Map([["proc.name", `p${index}`]]), TUNING_FIELDS);
  assert.deepEqual([all.count, all.groups.size], [25_000, 20_000]);
});
