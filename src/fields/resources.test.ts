import assert from "node:assert/strict";
import { test } from "node:test";
import type { ParamValues } from "../../test/fixtures/records.ts";
import { scene, type SceneValues } from "../../test/fixtures/scenes.ts";
import { FIELDS } from "./registry.ts";

const USED = { fdlimit: 1024, pgft_maj: 3, pgft_min: 40, vm_size: 5000, vm_rss: 600, vm_swap: 0 };

const CASES: readonly (readonly [
  what: string,
  name: string,
  params: ParamValues,
  values: SceneValues,
  expected: Readonly<Record<string, unknown>>,
])[] = [
  [
    "a program that was just started",
    "execve",
    { res: 0, exe: "nc", ...USED },
    {},
    {
      "proc.fdlimit": 1024,
      "thread.pfmajor": 3,
      "thread.pfminor": 40,
      "proc.vmsize": 5000,
      "proc.vmrss": 600,
      "proc.vmswap": 0,
      "thread.vmsize": 5000,
      "thread.vmrss": 600,
      "thread.vmsize.b": 5_120_000,
      "thread.vmrss.b": 614_400,
    },
  ],
  [
    "a process without limit",
    "execve",
    { res: 0, exe: "nc", ...USED, fdlimit: 0xffff_ffff_ffff_ffffn },
    {},
    { "proc.fdlimit": -1 },
  ],
  [
    "another thread of it",
    "chdir",
    { res: -1 },
    { context: { tid: 101 }, process: { resources: resources() } },
    { "proc.vmsize": 5000, "thread.vmsize": 0, "thread.vmrss.b": 0 },
  ],
  [
    "a process whose start was not seen",
    "chdir",
    { res: -1 },
    {},
    {
      "proc.fdlimit": undefined,
      "proc.vmsize": undefined,
      "thread.vmsize": undefined,
      "thread.vmsize.b": undefined,
      "thread.pfmajor": undefined,
      "proc.pidns_init_start_ts": undefined,
    },
  ],
  [
    "a process whose fork told of its namespace",
    "chdir",
    { res: -1 },
    { process: { pidNamespaceStart: 100n, exeCtime: 130n } },
    {
      "proc.pidns_init_start_ts": 100n,
      "proc.exe_ino.ctime_duration_pidns_start": 30n,
      "proc.exe_ino.ctime": 130n,
    },
  ],
  [
    "an executable older than the namespace",
    "chdir",
    { res: -1 },
    { process: { pidNamespaceStart: 100n, exeCtime: 90n } },
    { "proc.exe_ino.ctime_duration_pidns_start": undefined },
  ],
  [
    "a process of which /proc told little",
    "chdir",
    { res: -1 },
    {},
    {
      "proc.exe_ino": undefined,
      "proc.exe_ino.ctime": undefined,
      "proc.exe_ino.mtime": undefined,
      "proc.pid.ts": undefined,
    },
  ],
];
for (const [what, name, params, values, expected] of CASES) {
  test(`resources of ${what}`, () => {
    const shown = scene(name, params, values);
    assert.deepEqual(
      Object.fromEntries(
        Object.keys(expected).map((field) => [
          field,
          FIELDS.get(field)?.bind?.(undefined)?.(shown),
        ]),
      ),
      expected,
    );
  });
}

test("proc.pidns_init_start_ts is the start of the ancestor that is the first of the same namespace", () => {
  const start = (pidNamespace: number) => {
    const chain = [
      { pid: 1, vpid: 1, pidNamespace: 10, startTime: 5n },
      { pid: 2, ppid: 1, vpid: 1, pidNamespace: 20, startTime: 7n },
      { pid: 3, ppid: 2, vpid: 2, pidNamespace },
    ];
    return FIELDS.get("proc.pidns_init_start_ts")?.bind?.(undefined)?.(
      scene("chdir", { res: -1 }, { chain, context: { pidNamespace, vpid: 2 } }),
    );
  };
  assert.deepEqual([start(20), start(10), start(0)], [7n, undefined, undefined]);
});

function resources() {
  return {
    descriptorLimit: 1024,
    majorFaults: 3,
    minorFaults: 40,
    virtualKb: 5000,
    residentKb: 600,
    swappedKb: 0,
  };
}
