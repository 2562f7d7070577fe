import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  chmodSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, it } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { outboxContract } from "../../test/fixtures/outbox-contract.ts";
import { storeContract } from "../../test/fixtures/store-contract.ts";
import { openSqlite } from "./sqlite.ts";
import { storeOf } from "./store.ts";

describe("SQLite in memory", () => {
  storeContract(() => openSqlite({ path: undefined, durability: "normal", onNote: () => {} }));
  outboxContract(() => openSqlite({ path: undefined, durability: "normal", onNote: () => {} }));
});

describe("openSqlite", () => {
  let folder: string;
  let notes: string[];
  const path = (): string => join(folder, "store", "saker.db");
  const open = () =>
    openSqlite({ path: path(), durability: "full", onNote: (text) => notes.push(text) });
  const filled = async (): Promise<void> => {
    const store = await storeOf(await open(), Date.now);
    await store.append(Array.from({ length: 500 }, () => alertNews()));
    await store.close();
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "saker-store-"));
    notes = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("makes a folder and files that others cannot write to", async () => {
    const backend = await open();
    assert.equal(statSync(join(folder, "store")).mode & 0o022, 0);
    for (const name of readdirSync(join(folder, "store")))
      assert.equal(statSync(join(folder, "store", name)).mode & 0o027, 0, name);
    await backend.close();
  });

  it("finds again what was kept", async () => {
    await filled();
    const backend = await open();
    const { rows } = await backend.db
      .selectFrom("alert")
      .select((from) => from.fn.countAll().as("rows"))
      .executeTakeFirstOrThrow();
    assert.equal(rows, 500);
    assert.deepEqual(notes, []);
    await backend.close();
  });

  for (const [title, damage] of [
    ["is no database", () => writeFileSync(path(), "not a database, ".repeat(1000))],
    ["has a header and nothing else", () => truncateSync(path(), 3000)],
  ] as const)
    it(`moves a file aside that ${title}`, async () => {
      await filled();
      damage();
      const backend = await open();
      assert.equal(notes.length, 1);
      assert.match(notes[0] ?? "", /^The store ".*" is damaged: it lies at .*corrupt-/);
      assert.equal(
        readdirSync(join(folder, "store")).filter((name) => name.includes("corrupt")).length > 0,
        true,
      );
      await backend.close();
    });

  const REFUSED: readonly [title: string, prepare: () => void, message: RegExp][] = [
    [
      "a link in place of the file",
      () => {
        mkdirSync(join(folder, "store"), { mode: 0o750 });
        symlinkSync("/etc/hostname", path());
      },
      /ELOOP/,
    ],
    [
      "a link in place of the folder",
      () => symlinkSync("/tmp", join(folder, "store")),
      /it is a link/,
    ],
    [
      "a folder that others can write to",
      () => {
        mkdirSync(join(folder, "store"));
        chmodSync(join(folder, "store"), 0o777);
      },
      /others can write to it/,
    ],
    [
      "a database of another program",
      () => {
        mkdirSync(join(folder, "store"), { mode: 0o750 });
        const other = new DatabaseSync(path());
        other.exec("CREATE TABLE theirs (a)");
        other.close();
      },
      /it is another program's/,
    ],
  ];
  for (const [title, prepare, message] of REFUSED)
    it(`refuses ${title}`, async () => {
      prepare();
      await assert.rejects(open(), message);
    });

  it("refuses a store that another watch holds", async () => {
    const first = await open();
    await assert.rejects(open(), { code: "INPUT_STORE", hint: /another watch/ });
    await first.close();
  });
});
