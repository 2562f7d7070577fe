import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { mountSmallDisk } from "../../test/fixtures/small-disk.ts";
import { until } from "../../test/fixtures/until.ts";
import { Keeper, type KeeperOptions } from "./keeper.ts";
import { replaceBackend } from "./open-backend.ts";
import { openSqlite } from "./sqlite.ts";
import { storeOf, type Store } from "./store.ts";

const FOREVER = { ageMs: 1e15, bytes: 1e15 };

describe("Keeper", () => {
  const folders: string[] = [];
  const freshPath = (): string => {
    const folder = mkdtempSync(join(tmpdir(), "saker-keeper-"));
    folders.push(folder);
    return join(folder, "store", "saker.db");
  };
  after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

  const opened = async (path: string | undefined): Promise<Store> =>
    storeOf(await openSqlite({ path, durability: "normal", onNote: () => {} }), Date.now);
  const started = (store: Store, rest: Partial<KeeperOptions> = {}) => {
    const said: string[] = [];
    let done = 0;
    const keeper = new Keeper({
      store,
      retention: FOREVER,
      now: Date.now,
      onDone: (count) => (done += count),
      onProblem: (text) => said.push(text),
      onNote: (text) => said.push(text),
      onCorrupt: async () => {},
      ...rest,
    });
    return { keeper, said, done: () => done };
  };
  const rowsOf = async ({ backend }: Store): Promise<number> => {
    const { rows } = await backend.db
      .selectFrom("alert")
      .select((from) => from.fn.countAll<number>().as("rows"))
      .executeTakeFirstOrThrow();
    return rows;
  };

  it("writes all that waits before it ends, and takes nothing then", async () => {
    const path = freshPath();
    const store = await opened(path);
    const { keeper, done } = started(store);
    for (let count = 0; count < 1234; count += 1) assert.equal(keeper.take(alertNews()), true);
    await keeper.close();
    assert.equal(done(), 1234);
    assert.equal(keeper.take(alertNews()), false);
    assert.equal(await rowsOf(store), 1234);
    await store.close();
  });

  it("lets others have their turn between batches", async () => {
    const store = await opened(undefined);
    const { keeper } = started(store);
    for (let count = 0; count < 5000; count += 1) keeper.take(alertNews());
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(keeper.counts().waiting > 0);
    await keeper.close();
    await store.close();
  });

  it("refuses what does not fit, and counts it", async () => {
    const store = await opened(undefined);
    const { keeper } = started(store);
    let refused = 0;
    for (let count = 0; count < 20_600; count += 1) if (!keeper.take(alertNews())) refused += 1;
    assert.ok(refused > 0 && refused <= 600, String(refused));
    assert.deepEqual(keeper.counts().dropped, { "the queue is full": refused });
    await keeper.close();
    await store.close();
  });

  it("takes all of a request, or none, which is not counted", async () => {
    const store = await opened(undefined);
    const { keeper } = started(store);
    const news = Array.from({ length: 12_000 }, () => alertNews());
    assert.deepEqual([keeper.takeAll(news), keeper.takeAll(news)], [true, false]);
    assert.deepEqual(keeper.counts().dropped, {});
    await keeper.close();
    assert.equal(await rowsOf(store), 12_000);
    await store.close();
  });

  it("keeps the newest where there is room for no more", async () => {
    const store = await opened(undefined);
    const { keeper } = started(store, { retention: { ageMs: 1e15, bytes: 2_000_000 } });
    // A table whose newest row is older than all alerts holds nothing up.
    keeper.take({ kind: "note", text: "watching", sequence: 1, time: 0n, host: "h" });
    for (let batch = 0; batch < 4; batch += 1) {
      const text = "x".repeat(500);
      for (let count = 0; count < 2500; count += 1)
        keeper.take(alertNews({ message: `${count} ${text}` }));
      await until("the batch", () => keeper.counts().waiting === 0);
    }
    await until("room", () => keeper.counts().removed > 7000);
    await keeper.close();
    assert.ok((await rowsOf(store)) < 3000);
    await store.close();
  });

  it(
    "goes on when the disk is full: the oldest go",
    { skip: process.getuid?.() !== 0 && "mounting takes root" },
    async () => {
      const disk = mountSmallDisk(20_000_000);
      try {
        const store = await opened(join(disk.point, "store", "saker.db"));
        const { keeper, said, done } = started(store);
        const total = 8000;
        for (let count = 1; count <= total; count += 1) {
          keeper.take(alertNews({ message: `${count} ${"y".repeat(2500)}` }, count));
          if (count % 4000 === 0) await until("the batch", () => done() === count);
        }
        await keeper.close();
        assert.match(said.join("\n"), /the disk is full/);
        assert.deepEqual(keeper.counts().dropped, {});
        assert.ok(keeper.counts().removed > 0);
        assert.equal(store.sequence, total);
        await store.close();
      } finally {
        disk.release();
      }
    },
  );

  it("begins a new store where the old one is damaged under it", async () => {
    const path = freshPath();
    const first = await opened(path);
    await first.append(Array.from({ length: 2000 }, () => alertNews()));
    await first.close();
    const store = await opened(path);
    // Behind SQLite's back: all pages but the first.
    const { size } = await import("node:fs").then(({ statSync }) => statSync(path));
    writeFileSync(path, Buffer.alloc(size - 4096, 0x5a), { flag: "r+" });
    const notes: string[] = [];
    const options = { path, url: undefined, durability: "normal" as const };
    const { keeper, said, done } = started(store, {
      onCorrupt: () =>
        store.reopen(() => replaceBackend({ ...options, onNote: (text) => notes.push(text) })),
    });
    for (let count = 0; count < 600; count += 1) keeper.take(alertNews());
    await until("all to be kept", () => done() === 600);
    await keeper.close();
    assert.match(said[0] ?? "", /^Cannot keep news in .*: the store is damaged/);
    assert.match(notes[0] ?? "", /damaged: it lies at /);
    assert.equal(await rowsOf(store), 600);
    await store.close();
  });

  it("loses nothing that was acknowledged to kill -9", async () => {
    const path = freshPath();
    const child = fork(new URL("../../test/fixtures/store-writer.ts", import.meta.url), [path]);
    let acknowledged = 0;
    child.on("message", (sequence: number) => (acknowledged = sequence));
    await until("some thousand alerts", () => acknowledged >= 3000);
    child.kill("SIGKILL");
    await once(child, "exit");
    const store = await opened(path);
    const { newest } = await store.backend.db
      .selectFrom("alert")
      .select((from) => from.fn.max("sequence").as("newest"))
      .executeTakeFirstOrThrow();
    const rows = await rowsOf(store);
    assert.ok(rows >= acknowledged, `${rows} of ${acknowledged}`);
    assert.equal(rows, newest);
    await store.close();
  });
});
