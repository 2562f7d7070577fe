import assert from "node:assert/strict";
import { test } from "node:test";
import { AuditQueue } from "./audit-queue.ts";

/** Jobs that end when the test says so, and what has begun. */
function jobs() {
  const begun: number[] = [];
  const ends = new Map<number, () => void>();
  const job = (index: number) => () =>
    new Promise<void>((resolve) => {
      begun.push(index);
      ends.set(index, resolve);
    });
  return {
    begun,
    job,
    end: async (index: number) => (
      ends.get(index)?.(),
      await new Promise((resolve) => setImmediate(resolve))
    ),
  };
}

test("AuditQueue runs so many jobs at once, the others in their order; a slow one blocks none", async () => {
  const { begun, job, end } = jobs();
  const queue = new AuditQueue({ capacity: 10, parallel: 2 });
  for (let index = 0; index < 4; index += 1) assert.equal(queue.push(job(index)), true);
  assert.deepEqual(begun, [0, 1]);
  await end(1);
  await end(2);
  assert.deepEqual(begun, [0, 1, 2, 3]);
  let isIdle = false;
  const idle = queue.idle().then(() => (isIdle = true));
  await end(3);
  assert.equal(isIdle, false);
  await end(0);
  await idle;
});

test("AuditQueue refuses and counts what does not fit, and all after its end", async () => {
  const { job, end } = jobs();
  const queue = new AuditQueue({ capacity: 1, parallel: 1 });
  assert.deepEqual(
    [queue.push(job(0)), queue.push(job(1)), queue.push(job(2))],
    [true, true, false],
  );
  assert.equal(queue.dropped, 1);
  queue.close();
  assert.equal(queue.push(job(3)), false);
  await end(0);
  await queue.idle();
});
