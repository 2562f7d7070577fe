import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { DeliveryQueue } from "./delivery-queue.ts";
import type { OutboxDoor, OutboxPlace } from "./outbox.ts";

const PAGE = 4;
/** Ids of rows of this watch are 1000 and the number. */
const BEGUN = 1000;

/** A store of rules, by the ids of their rows; `full` numbers are not kept. */
class Shelf implements OutboxDoor {
  readonly rows = new Map<number, string>();
  cursor = 0;
  last = 0;
  isFull = false;

  put(sequence: number, rule: string): void {
    if (this.isFull) return;
    this.last = sequence;
    this.rows.set(BEGUN + sequence, rule);
  }
  keeps(sequence: number): boolean {
    return this.last === sequence;
  }
  async read({ after, through }: { after: OutboxPlace | undefined; through: number }) {
    const above = after === undefined ? this.cursor : idOf(after);
    const ids = [...this.rows.keys()].filter((id) => id > above && id <= BEGUN + through);
    const news = ids
      .slice(0, PAGE)
      .map((id) => ({ id, news: alertNews({ rule: this.rows.get(id) ?? "" }) }));
    await Promise.resolve();
    const earlier = ids.filter((id) => id <= BEGUN).length;
    return { news, isEnd: ids.length <= PAGE, waiting: after === undefined ? earlier : 0 };
  }
  close(): void {}
}

function idOf(place: OutboxPlace): number {
  return "id" in place ? place.id : BEGUN + place.sequence;
}

function queueOf(lines: number) {
  const dropped: [string, number][] = [];
  const queue = new DeliveryQueue({
    limits: { lines, bytes: 1e6 },
    format: (news) => (news.kind === "alert" ? news.alert.rule : undefined),
    onDropped: (reason, count) => dropped.push([reason, count]),
  });
  return { queue, dropped };
}

const ANYBODY = { source: "" };
const ANY = { lines: 3, bytes: 1e6 };

/** Takes and settles until nothing is left. */
async function emptied(queue: DeliveryQueue): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    await queue.refill();
    const lines = queue.take(ANY);
    if (lines.length === 0) return all;
    all.push(...lines);
    queue.settle(lines.length);
  }
}

test("DeliveryQueue brings what was left from before first, then what came since", async () => {
  const { queue, dropped } = queueOf(100);
  const shelf = new Shelf();
  for (let id = 1; id <= 10; id += 1) shelf.rows.set(id, `old ${id}`);
  shelf.cursor = 3;
  queue.use(shelf);
  assert.equal(queue.answered, undefined);
  for (const number of [1, 2]) {
    shelf.put(number, `new ${number}`);
    queue.see(number);
    queue.push(`new ${number}`, ANYBODY);
  }
  await queue.refill();
  assert.equal(queue.length, 9);
  assert.deepEqual(queue.take(ANY), ["old 4", "old 5", "old 6"]);
  queue.settle(2);
  assert.deepEqual(queue.answered, { id: 5 });
  const rest = ["old 6", "old 7", "old 8", "old 9", "old 10", "new 1", "new 2"];
  assert.deepEqual(await emptied(queue), rest);
  assert.deepEqual(queue.answered, { sequence: 2 });
  queue.see(9);
  assert.deepEqual([queue.answered, dropped], [{ sequence: 9 }, []]);
});

test("DeliveryQueue delivers each line once and in order, whatever room there is and when", async () => {
  const step = fc.record({ lines: fc.nat(6), isWanted: fc.boolean(), settled: fc.nat(3) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const { queue, dropped } = queueOf(6);
      const shelf = new Shelf();
      queue.use(shelf);
      const [offered, delivered]: [string[], string[]] = [[], []];
      let sequence = 0;
      for (const { lines, isWanted, settled } of steps) {
        // Read while news come.
        const refilled = queue.refill();
        for (let count = 0; count < lines; count += 1) {
          sequence += 1;
          queue.see(sequence);
          if (!isWanted) continue;
          shelf.put(sequence, String(sequence));
          queue.push(String(sequence), ANYBODY);
          offered.push(String(sequence));
        }
        await refilled;
        const taken = queue.take(ANY);
        delivered.push(...taken.slice(0, settled));
        queue.settle(Math.min(settled, taken.length));
        assert.equal(queue.length, offered.length - delivered.length);
        const { answered } = queue;
        const place = answered === undefined ? 0 : idOf(answered) - BEGUN;
        const next = offered[delivered.length];
        assert.ok(place >= Number(delivered.at(-1) ?? 0) && place < Number(next ?? Infinity));
      }
      delivered.push(...(await emptied(queue)));
      assert.deepEqual(delivered, offered);
      assert.deepEqual(dropped, []);
      assert.deepEqual(queue.end(), { kept: 0, lost: 0 });
    }),
  );
});

test("DeliveryQueue leaves at its end to the store what that has", async () => {
  const { queue, dropped } = queueOf(4);
  const shelf = new Shelf();
  queue.use(shelf);
  await queue.refill();
  for (let number = 1; number <= 9; number += 1) {
    shelf.isFull = number === 2;
    shelf.put(number, String(number));
    queue.see(number);
    queue.push(String(number), ANYBODY);
  }
  assert.deepEqual(queue.take(ANY), ["1", "2", "3"]);
  queue.settle(1);
  assert.deepEqual(queue.end(), { kept: 7, lost: 1 });
  assert.deepEqual([queue.answered, dropped], [{ sequence: 1 }, []]);
});

test("DeliveryQueue counts what the store removed, but for what memory has", async () => {
  const { queue, dropped } = queueOf(4);
  const shelf = new Shelf();
  queue.use(shelf);
  await queue.refill();
  for (let number = 1; number <= 20; number += 1) {
    shelf.put(number, String(number));
    queue.see(number);
    queue.push(String(number), ANYBODY);
  }
  for (let number = 1; number <= 6; number += 1) shelf.rows.delete(BEGUN + number);
  queue.lose(3);
  queue.lose(3);
  assert.deepEqual([queue.length, dropped.at(-1)?.[1]], [18, 2]);
  const left = await emptied(queue);
  assert.deepEqual(left.map(Number), [
    1,
    2,
    3,
    4,
    ...Array.from({ length: 14 }, (_, at) => at + 7),
  ]);
  assert.equal(dropped.length, 1);
});

test("DeliveryQueue is a queue in memory where the store does not answer", async () => {
  const { queue, dropped } = queueOf(4);
  const shelf = new Shelf();
  queue.use({
    keeps: (number) => shelf.keeps(number),
    read: async () => undefined,
    close: () => {},
  });
  for (let number = 1; number <= 2; number += 1) {
    shelf.put(number, String(number));
    queue.see(number);
    queue.push(String(number), ANYBODY);
  }
  await queue.refill();
  for (let number = 3; number <= 6; number += 1) {
    queue.see(number);
    queue.push(String(number), ANYBODY);
  }
  assert.deepEqual(await emptied(queue), ["3", "4", "5", "6"]);
  assert.deepEqual(dropped, [
    ["the queue was full", 1],
    ["the queue was full", 1],
  ]);
  assert.equal(queue.answered, undefined);
});
