import assert from "node:assert/strict";
import { test } from "node:test";
import { event } from "../../test/fixtures/records.ts";
import { Timeline } from "./timeline.ts";

test("Timeline keeps the first event's time and that of the event before", () => {
  const times = new Timeline();
  const seen = [10n, 14n, 13n, 20n].map((timestamp) => {
    times.see(event("setsid", { res: 0 }, { timestamp }));
    return [times.first, times.previous];
  });
  assert.deepEqual(seen, [
    [10n, 10n],
    [10n, 10n],
    [10n, 14n],
    [10n, 13n],
  ]);
});
