import assert from "node:assert/strict";
import { test } from "node:test";
import { splitImageName } from "./image-name.ts";

test("splitImageName tells registry port, tag and digest apart", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const cases: [string, string, string, string][] = [
    ["nginx", "nginx", "latest", ""],
    ["nginx:1.25", "nginx", "1.25", ""],
    ["registry:5000/a/b", "registry:5000/a/b", "latest", ""],
    [`registry:5000/a/b:tag@${digest}`, "registry:5000/a/b", "tag", digest],
    [`quay.io/a/b@${digest}`, "quay.io/a/b", "", digest],
    [digest, "", "", ""],
    ["a".repeat(64), "", "", ""],
    ["", "", "", ""],
  ];
  for (const [name, repository, tag, split] of cases)
    assert.deepEqual(splitImageName(name), { repository, tag, digest: split }, name);
});
