import assert from "node:assert/strict";
import { test } from "node:test";
import { CapturedHost, type CapturedValue } from "../../test/fixtures/captured-events.ts";
import { scene } from "../../test/fixtures/scenes.ts";
import { compileCondition } from "../rules/compile-condition.ts";
import { parseCondition } from "../rules/parse-condition.ts";
import { FIELDS } from "./registry.ts";

const LONG = ["A", "B", "C"].map((char) => `/${char.repeat(1000)}`).join("");
const TOO_LONG = "/DIR_TOO_LONG/FILENAME_TOO_LONG";

for (const [what, event, values, expected] of [
  [
    "a path beyond Falco's buffer",
    "open",
    [3, LONG, 1, 0, 5, 1],
    {
      "fd.name": TOO_LONG,
      "fd.directory": "/DIR_TOO_LONG",
      "fd.filename": "FILENAME_TOO_LONG",
      "fs.path.name": TOO_LONG,
    },
  ],
  [
    "a handle's path beyond it",
    "open_by_handle_at",
    [4, 5, 1, LONG],
    { "fd.name": TOO_LONG, "evt.abspath": TOO_LONG },
  ],
  [
    "a handle that did not open",
    "open_by_handle_at",
    [-2, 5, 1, "/a"],
    { "evt.abspath": undefined },
  ],
  [
    "(NULL) of an old engine",
    "chdir",
    [0, "(NULL)"],
    { "evt.arg.path": "<NA>", "evt.args": "res=0 path=<NA>", "proc.cwd": "/root/<NA>/" },
  ],
  ["a path of no bytes", "chdir", [0, null], { "evt.arg.path": "<NA>", "proc.cwd": "/root/<NA>/" }],
  [
    "an open of no path",
    "creat",
    [7, null, 0, 0, 0, 0],
    { "fd.name": "/root/<NA>", "evt.arg.name": "<NA>", "fs.path.name": undefined },
  ],
  ["an open of no path that failed", "open", [-2, null, 0, 0, 0, 0], { "fd.name": "<NA>" }],
  [
    "a removal of no path",
    "unlinkat",
    [0, 0, null, 0],
    { "evt.arg.name": "<NA>", "fs.path.name": undefined, "evt.abspath": undefined },
  ],
  [
    "a link between two directories",
    "linkat",
    [0, 10, "a", 11, "b", 0],
    {
      "fs.path.source": "/root/b",
      "fs.path.target": "/root/a",
      "evt.abspath": "/d1/a",
      "evt.abspath.src": "/d1/a",
      "evt.abspath.dst": "/d2/b",
    },
  ],
  [
    "a rename between two directories",
    "renameat2",
    [0, 10, "a", 11, "b", 0],
    { "fs.path.source": "/d1/a", "fs.path.target": "/d2/b", "evt.abspath.dst": "/d2/b" },
  ],
  [
    "a link that failed",
    "linkat",
    [-17, 10, "a", 11, "b", 0],
    { "fs.path.source": undefined, "evt.abspath.src": "/d1/a" },
  ],
  ["fchdir", "fchdir", [0, 10], { "fs.path.name": undefined, "proc.cwd": "/d1/" }],
] as const satisfies readonly (readonly [
  string,
  string,
  readonly CapturedValue[],
  Readonly<Record<string, string | undefined>>,
])[]) {
  test(`paths in a capture: ${what}`, () => {
    const host = new CapturedHost();
    host.show("openat", 1, 10, -100, "/d1", 1 << 16, 0, 0, 0);
    host.show("openat", 1, 11, -100, "/d2", 1 << 16, 0, 0, 0);
    const shown = host.show(event, 1, ...values);
    assert.deepEqual(host.fields(shown, ...Object.keys(expected)), expected);
  });
}

for (const condition of [
  String.raw`fd.name = "/p\xff/q\xff" and fd.name glob "/p?/q?" and fd.name in ("/p\xff/q\xff")`,
  String.raw`fd.name contains "\xff" and fd.directory contains "\xff" and fd.filename endswith "\xff"`,
  String.raw`fs.path.name contains "\xff" and evt.arg.name contains "\xff" and evt.args contains "\xff"`,
  String.raw`fd.name regex "/p./q." and not fd.name regex "/p./q" and not fd.name contains "\xfe"`,
  String.raw`len(fd.name) = 6 and tolower(fd.name) contains "\xff" and fd.name pmatch ("/p\xff")`,
]) {
  test(`bytes that are no UTF-8 are themselves in ${condition}`, () => {
    const shown = new CapturedHost().show("open", 1, 3, "/p\xff/q\xff", 1, 0, 5, 1);
    assert.equal(compileCondition(parseCondition(condition), FIELDS).predicate(shown), true);
  });
}

test("paths of live events are told whole, and (NULL) is a name like any other", () => {
  const opened = scene("openat", { fd: 3, dirfd: -100, name: LONG, flags: 1, mode: 0 });
  const value = (name: string) => FIELDS.get(name)?.bind?.(undefined)?.(opened);
  assert.deepEqual([value("fd.name"), value("fs.path.name")], [LONG, LONG]);
  const moved = scene("chdir", { res: 0, path: "(NULL)" });
  assert.equal(FIELDS.get("evt.arg")?.bind?.("path")?.(moved), "(NULL)");
});

/** Fields of a call as it was passed, and as it led elsewhere. */
function bothWays(
  event: string,
  values: Parameters<typeof scene>[1],
  { sections, fields }: { sections: Parameters<typeof scene>[2]; fields: readonly string[] },
): unknown[][] {
  const shown = scene(event, values, sections);
  const read = (): unknown[] => {
    const found: unknown[] = [];
    for (const name of fields) {
      const [field = "", argument] = /^(evt\.arg|evt\.abspath)\.(.*)$/.exec(name)?.slice(1) ?? [
        name,
      ];
      found.push(FIELDS.get(field)?.bind?.(argument)?.(shown));
    }
    return found;
  };
  const ways: unknown[][] = [];
  shown.holds(() => {
    ways.push(read());
    return false;
  });
  return ways;
}

test("where the paths of a rename led is shown beside their words", () => {
  assert.deepEqual(
    bothWays(
      "renameat2",
      { res: 0, olddirfd: -100, oldpath: "l/a", newdirfd: -100, newpath: "/x", flags: 0 },
      {
        sections: { directory: "/tmp", resolved: "/etc/a", resolvedSecond: "/x" },
        fields: [
          "fs.path.source",
          "evt.arg.oldpath",
          "evt.abspath.src",
          "fs.path.target",
          "saker.fs.other_source",
          "saker.fs.other_target",
          "saker.fd.is_resolved",
        ],
      },
    ),
    [
      ["/tmp/l/a", "/tmp/l/a", "/tmp/l/a", "/x", "/etc/a", undefined, false],
      ["/etc/a", "/etc/a", "/etc/a", "/x", "/tmp/l/a", undefined, true],
    ],
  );
});

test("a link's new name is its source, wherever it led; what a symbolic one says stays", () => {
  assert.deepEqual(
    bothWays(
      "symlink",
      { res: 0, target: "/etc/shadow", linkpath: "l/x" },
      {
        sections: { directory: "/tmp", resolvedSecond: "/root/x" },
        fields: ["fs.path.source", "fs.path.target", "evt.arg.linkpath", "evt.arg.target"],
      },
    ),
    [
      ["/tmp/l/x", "/etc/shadow", "/tmp/l/x", "/etc/shadow"],
      ["/root/x", "/etc/shadow", "/root/x", "/etc/shadow"],
    ],
  );
});
