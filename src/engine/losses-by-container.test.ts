import assert from "node:assert/strict";
import { test } from "node:test";
import { lossesByContainer } from "./losses-by-container.ts";

test("lossesByContainer sums up a container's groups, and the host's, the largest first", () => {
  const losses = [
    { id: 1, isV1: false, lost: 2 },
    { id: 7, isV1: false, lost: 3 },
    { id: 8, isV1: true, lost: 4 },
    { id: 9, isV1: false, lost: 1 },
  ];
  const names = new Map([
    [7, "web"],
    [8, "web"],
    [9, "db"],
  ]);
  assert.deepEqual(
    lossesByContainer(losses, (id) => names.get(id)),
    [
      { name: "web", lost: 7 },
      { name: "host", lost: 2 },
      { name: "db", lost: 1 },
    ],
  );
});
