import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import {
  captureBytes,
  capturedEvent,
  SMALL_HOST,
  smallEvents,
} from "../../test/fixtures/captures.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import { compileOutput, renderOutput } from "../rules/output.ts";
import { Replay } from "../engine/replay.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError } from "../lib/errors.ts";
import { type CaptureEnd, CaptureParser, type CaptureSink } from "./capture-parser.ts";
import { readCapture } from "./scap-reader.ts";

const numRuns = Number(process.env["SAKER_FUZZ_RUNS"] ?? 1500);
const whole = captureBytes();
const folder = mkdtempSync(join(tmpdir(), "saker-reader-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function names(): { readonly sink: CaptureSink; readonly seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    sink: {
      host: ({ threads }) => seen.push(`host of ${threads.length}`),
      event: (event) => seen.push(`${event.num} ${event.type?.name ?? event.code}`),
    },
  };
}

function parsed(
  bytes: Uint8Array,
  pieces: readonly number[] = [],
): { readonly seen: string[]; readonly end: CaptureEnd } {
  const { sink, seen } = names();
  const parser = new CaptureParser(sink);
  let at = 0;
  for (const length of pieces) {
    parser.push(bytes.subarray(at, at + length));
    at += length;
  }
  parser.push(bytes.subarray(at));
  return { seen, end: parser.end() };
}

const EXPECTED = [
  "host of 2",
  ...smallEvents().map((event, index) => `${index + 1} ${event.type?.name ?? ""}`),
];

test("a capture reads the same in pieces of any size", () => {
  assert.deepEqual(parsed(whole).seen, EXPECTED);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 40 }), (pieces) =>
      assert.deepEqual(parsed(whole, pieces).seen, EXPECTED),
    ),
    { numRuns: 300 },
  );
});

test("a file that ends too early is read up to its last whole event, and says so", () => {
  let cuts = 0;
  for (let length = captureBytes(SMALL_HOST, []).length; length < whole.length; length += 1) {
    const { seen, end } = parsed(whole.subarray(0, length));
    assert.deepEqual(seen, EXPECTED.slice(0, seen.length));
    if (end.truncated !== undefined) cuts += 1;
  }
  // All but the cuts between two blocks.
  assert.equal(cuts, whole.length - captureBytes(SMALL_HOST, []).length - smallEvents().length);
  assert.match(
    parsed(whole.subarray(0, whole.length - 5)).end.truncated ?? "",
    /ends within a block at byte \d+/,
  );
  assert.equal(parsed(whole).end.truncated, undefined);
});

test("readCapture() reads gzip, and a cut one up to where it ends", async () => {
  const [plain, packed, cut] = ["a.scap", "a.scap.gz", "cut.scap.gz"].map((name) =>
    join(folder, name),
  );
  // Bytes that do not compress, so that the cut is far behind the first event.
  const noise = Buffer.from(
    Array.from({ length: 60_000 }, (_, index) => (index * 2_654_435_761) % 251),
  );
  const bytes = captureBytes(SMALL_HOST, [
    ...smallEvents(),
    ...Array.from({ length: 20 }, () =>
      capturedEvent("write", { res: 1, data: noise, fd: 0, size: 1 }),
    ),
  ]);
  const gzip = gzipSync(bytes);
  writeFileSync(plain!, bytes);
  writeFileSync(packed!, gzip);
  writeFileSync(cut!, gzip.subarray(0, gzip.length - 100));
  const results = await Promise.all(
    [plain, packed, cut].map(async (path) => {
      const { sink, seen } = names();
      const end = await readCapture(path!, sink);
      return { events: seen.length - 1, truncated: end.truncated !== undefined };
    }),
  );
  assert.deepEqual(
    [results[0], results[1]],
    [
      { events: 30, truncated: false },
      { events: 30, truncated: false },
    ],
  );
  assert.ok(results[2]!.truncated && results[2]!.events >= 10, JSON.stringify(results[2]));
});

test("readCapture() tells what is no capture", async () => {
  const path = join(folder, "bad.scap");
  for (const [bytes, message] of [
    [new Uint8Array(0), /it is empty/],
    [new TextEncoder().encode("hello, this is text"), /it is no scap file/],
    [whole.subarray(0, 20), /ends within its first block/],
    [new Uint8Array(1000), /it is no scap file/],
    [gzipSync("hello, this is text"), /it is no scap file/],
    [packets(), /it is a pcapng file that holds no events/],
    [Uint8Array.from([0x1f, 0x8b, 1, 2, 3, 4]), /Cannot read capture/],
  ] as const) {
    writeFileSync(path, bytes);
    await assert.rejects(
      readCapture(path, names().sink),
      (error) =>
        error instanceof AppError &&
        message.test(error.message) &&
        error.message.includes("bad.scap"),
      String(message),
    );
  }
  await assert.rejects(readCapture(join(folder, "missing"), names().sink), /no such file/);
});

/** A capture of Wireshark: a section, and an interface (pcapng, sections 4.1 and 4.2). */
function packets(): Uint8Array {
  const [linkType, snapLength] = [1, 65_535];
  const section = [0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28];
  return new Uint8Array(Uint32Array.from([...section, 1, 20, linkType, snapLength, 20]).buffer);
}

test("blocks and events of unknown types are counted, not fatal", () => {
  const unknownBlock = Uint8Array.from([
    ...new Uint8Array(Uint32Array.of(0x7777, 20).buffer),
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    ...new Uint8Array(Uint32Array.of(20).buffer),
  ]);
  const bytes = Uint8Array.from([...whole, ...unknownBlock, ...whole]);
  const { seen, end } = parsed(bytes);
  assert.equal(end.unknownBlocks, 1);
  assert.deepEqual(
    seen.filter((line) => line.startsWith("host")),
    ["host of 2", "host of 2"],
    "a second section is read, too",
  );
  const later = whole.slice();
  // The code of the last event: one that the schema does not have.
  const at = later.lastIndexOf(186);
  new DataView(later.buffer).setUint16(at, 500, true);
  const counted = parsed(later);
  assert.deepEqual([counted.end.unknown, counted.seen.at(-1)], [1, "10 500"]);
});

test("an unknown block of any claimed length costs no memory", () => {
  const { sink } = names();
  const parser = new CaptureParser(sink);
  parser.push(whole);
  parser.push(new Uint8Array(Uint32Array.of(0x7777, 0xffff_fff0).buffer));
  const before = process.memoryUsage().arrayBuffers;
  for (let index = 0; index < 200; index += 1) parser.push(new Uint8Array(1 << 20));
  assert.ok(process.memoryUsage().arrayBuffers - before < 250 << 20);
  assert.match(parser.end().truncated ?? "", /ends within a block/);
});

test("a list whose block claims more than it may is an error at once", () => {
  const parser = new CaptureParser(names().sink);
  parser.push(whole.subarray(0, 28));
  assert.throws(
    () => parser.push(new Uint8Array(Uint32Array.of(0x215, 0xf000_0000).buffer)),
    (error) => error instanceof AppError && /at most \d+ are legal/.test(error.message),
  );
});

// What rules may ask is asked of every event that comes out of hostile bytes.
const EVERYTHING = compileOutput(
  "*%evt.args %evt.type %fd.name %fd.filename %fd.types %fd.lip %proc.cmdline %proc.aname %proc.env %proc.cwd %fs.path.name %container.name %proc.sname %thread.cgroups %user.name",
  FIELDS,
);

test("hostile bytes give events or one error of ours, nothing else (fuzz)", () => {
  let [errors, ends] = [0, 0];
  const position = fc.integer({ min: 0, max: whole.length - 1 });
  const mutation = fc.oneof(
    fc.record({
      kind: fc.constant("byte" as const),
      at: position,
      value: fc.integer({ min: 0, max: 255 }),
    }),
    fc.record({
      kind: fc.constant("word" as const),
      at: position,
      value: fc.constantFrom(
        0,
        1,
        0x7fff_ffff,
        0xffff_ffff,
        0x8000,
        0x1_0000,
        0x204,
        0x208,
        0x216,
        0x217,
        0x221,
        0x222,
      ),
    }),
    fc.record({
      kind: fc.constant("cut" as const),
      at: position,
      value: fc.integer({ min: 1, max: 64 }),
    }),
    fc.record({
      kind: fc.constant("repeat" as const),
      at: position,
      value: fc.integer({ min: 1, max: 200 }),
    }),
  );
  fc.assert(
    fc.property(
      fc.array(mutation, { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 2000 }), { maxLength: 4 }),
      (mutations, pieces) => {
        let bytes: Uint8Array<ArrayBuffer> = whole.slice();
        for (const { kind, at, value } of mutations) {
          const place = Math.min(at, bytes.length - 1);
          if (kind === "byte") bytes[place] = value;
          else if (kind === "word" && place + 4 <= bytes.length)
            new DataView(bytes.buffer).setUint32(place, value, true);
          else if (kind === "cut")
            bytes = Uint8Array.from([
              ...bytes.subarray(0, place),
              ...bytes.subarray(place + value),
            ]);
          else if (kind === "repeat")
            bytes = Uint8Array.from([
              ...bytes.subarray(0, place),
              ...bytes.subarray(Math.max(0, place - value)),
            ]);
          if (bytes.length === 0) return;
        }
        const replay = new Replay({
          rules: compileRuleSet([], { matching: "first" }),
          hostname: "",
          utcOffsetMinutes: () => 0,
          onMatch: () => {},
          onScene: (scene) => void renderOutput(EVERYTHING, scene),
        });
        const parser = new CaptureParser(replay);
        try {
          let from = 0;
          for (const length of pieces) {
            parser.push(bytes.subarray(from, from + length));
            from += length;
          }
          parser.push(bytes.subarray(from));
          parser.end();
          ends += 1;
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          assert.equal(error.code, "INPUT_CAPTURE", error.message);
          errors += 1;
        }
      },
    ),
    { numRuns },
  );
  assert.ok(errors > 0 && ends > 0, `${errors} errors, ${ends} read`);
});

test("random bytes behind a good beginning, too (fuzz)", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
      const parser = new CaptureParser(names().sink);
      try {
        parser.push(whole.subarray(0, 28));
        parser.push(noise);
        parser.end();
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
      }
    }),
    { numRuns },
  );
});
