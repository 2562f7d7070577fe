import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { event } from "../../test/fixtures/records.ts";
import { AppError } from "../lib/errors.ts";
import type { HostEntries } from "../state/host-entries.ts";
import { CaptureParser } from "./capture-parser.ts";
import { CaptureFile } from "./scap-writer.ts";

const SHARED = fileURLToPath(new URL("../../../shared/captures/", import.meta.url));
const captures = existsSync(SHARED) ? readdirSync(SHARED) : [];
const folder = mkdtempSync(join(tmpdir(), "saker-writer-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Content {
  readonly hosts: HostEntries[];
  readonly events: { readonly bytes: string; readonly cpu: number; readonly isShown: boolean }[];
}

function contentOf(bytes: Uint8Array): Content {
  const content: Content = { hosts: [], events: [] };
  const parser = new CaptureParser({
    host: ({ machine, threads, descriptors, users, groups, interfaces }) =>
      content.hosts.push({
        machine,
        threads: [...threads],
        descriptors,
        users,
        groups,
        interfaces,
      }),
    event: (one, isShown) =>
      content.events.push({
        bytes: Buffer.from(one.scapBytes).toString("hex"),
        cpu: one.cpu,
        isShown,
      }),
  });
  parser.push(bytes);
  assert.equal(parser.end().truncated, undefined);
  return content;
}

test(
  "what is written reads as what was read: every real capture",
  { skip: captures.length === 0 && "needs ../shared/captures" },
  () => {
    for (const name of captures) {
      const raw = readFileSync(join(SHARED, name));
      const bytes = raw[0] === 0x1f ? gunzipSync(raw) : raw;
      const path = join(folder, name);
      const file = new CaptureFile(path);
      const parser = new CaptureParser({
        host: (entries) => file.section(entries),
        event: (one, isShown) => file.event(one, !isShown),
      });
      parser.push(bytes);
      parser.end();
      file.close();
      assert.equal(file.bytes, readFileSync(path).length, name);
      const [before, again] = [contentOf(bytes), contentOf(readFileSync(path))];
      assert.deepEqual(again.events, before.events, name);
      // An old list's lack of an id is written as what stands for it.
      assert.deepEqual(again.hosts, before.hosts, name);
    }
  },
);

test("a large event has a block of its own kind, beyond the writer's buffer too", () => {
  const path = join(folder, "large.scap");
  const file = new CaptureFile(path);
  file.section({
    machine: undefined,
    threads: [],
    descriptors: new Map(),
    users: [],
    groups: [],
    interfaces: [],
  });
  const sizes = [10, 70_000, 3_000_000];
  for (const size of sizes) file.event(event("container", { json: "x".repeat(size) }));
  file.close();
  assert.equal(file.events, 3);
  const { events } = contentOf(readFileSync(path));
  assert.deepEqual(
    events.map(({ bytes }) => bytes.length / 2 - 26 - 4 - 1),
    sizes,
  );
});

test("a file that cannot be made is one error with its path", () => {
  assert.throws(
    () => new CaptureFile(join(folder, "missing", "a.scap")),
    (error) =>
      error instanceof AppError && error.code === "USAGE_FILE" && error.message.includes("missing"),
  );
});

test(
  "a full disk is said, not passed over",
  { skip: !existsSync("/dev/full") && "needs /dev/full" },
  () => {
    const file = new CaptureFile("/dev/full");
    file.event(event("close", { res: 0, fd: 3 }));
    assert.throws(
      () => file.flush(),
      (error) => error instanceof AppError && /no space/i.test(error.message),
    );
  },
);
