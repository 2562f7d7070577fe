import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { tar, type TarEntry } from "../../test/fixtures/tar.ts";
import { AppError } from "../lib/errors.ts";
import { readTar } from "./tar.ts";

const pax = (path: string): string => {
  const record = ` path=${path}\n`;
  let length = record.length;
  while (`${length}${record}`.length !== length) length = `${length}${record}`.length;
  return `${length}${record}`;
};

for (const [name, entries, files] of [
  [
    "files and folders",
    [
      { name: "d/", type: "5" },
      { name: "d/a.yaml", data: "x" },
      { name: "./b", data: "y".repeat(1000) },
    ],
    ["d/a.yaml x", `b ${"y".repeat(1000)}`],
  ],
  [
    "a long name of pax",
    [
      { name: "p", type: "x", data: pax(`${"n".repeat(150)}.yaml`) },
      { name: "short", data: "x" },
    ],
    [`${"n".repeat(150)}.yaml x`],
  ],
  [
    "a long name of GNU",
    [
      { name: "././@LongLink", type: "L", data: `${"n".repeat(150)}\0` },
      { name: "short", data: "x" },
    ],
    [`${"n".repeat(150)} x`],
  ],
  ["nothing", [], []],
] as const satisfies readonly (readonly [string, readonly TarEntry[], readonly string[]])[]) {
  test(`readTar() reads ${name}`, () => {
    assert.deepEqual(
      readTar(tar(entries)).map((file) => `${file.name} ${new TextDecoder().decode(file.bytes)}`),
      files,
    );
  });
}

for (const [name, entries, state] of [
  ["a name that climbs", [{ name: "../a", data: "x" }], 'the name "../a" leads out of its folder'],
  [
    "a name that climbs inside",
    [{ name: "a/../../b", data: "x" }],
    'the name "a/../../b" leads out of its folder',
  ],
  [
    "an absolute name",
    [{ name: "/etc/passwd", data: "x" }],
    'the name "/etc/passwd" leads out of its folder',
  ],
  [
    "a climbing name of pax",
    [{ name: "p", type: "x", data: pax("../x") }, { name: "a" }],
    'the name "../x" leads out of its folder',
  ],
  [
    "a symbolic link",
    [{ name: "a", type: "2", link: "/etc" }],
    '"a" is neither a file nor a folder',
  ],
  ["a hard link", [{ name: "a", type: "1", link: "b" }], '"a" is neither a file nor a folder'],
  ["a device", [{ name: "a", type: "3" }], '"a" is neither a file nor a folder'],
  ["a name that stands twice", [{ name: "a" }, { name: "./a" }], '"a" stands in it twice'],
  ["a file that is cut off", [{ name: "a", data: "x", size: 9_999_999 }], "it is cut off"],
  [
    "a pax header that lies",
    [{ name: "p", type: "x", data: "999 path=x\n" }, { name: "a" }],
    "a pax header is malformed",
  ],
  [
    "too many entries",
    Array.from({ length: 1001 }, (_, index) => ({ name: `f${index}` })),
    "it has more than 1000 entries",
  ],
] as const) {
  test(`readTar() refuses ${name}`, () => {
    assert.throws(() => readTar(tar(entries)), {
      code: "INPUT_ARCHIVE",
      message: `Cannot unpack the artifact: ${state}`,
    });
  });
}

test("readTar() throws nothing but AppError, whatever bytes are flipped", () => {
  const sound = tar([
    { name: "a.yaml", data: "x".repeat(600) },
    { name: "p", type: "x", data: pax("long/name.yaml") },
    { name: "b", data: "y" },
  ]);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      (flips) => {
        const bytes = Uint8Array.from(sound);
        for (const [at, byte] of flips) bytes[at] = byte;
        try {
          readTar(bytes);
        } catch (error) {
          assert.ok(error instanceof AppError, String(error));
        }
      },
    ),
    { numRuns: 2000 },
  );
});
