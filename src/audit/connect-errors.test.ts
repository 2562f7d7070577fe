import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectErrors } from "./connect-errors.ts";

test("ConnectErrors.of() sums by address and by name, and takes up what was kept", () => {
  const lines: string[] = [];
  const file = { path: "/kept", append: (line: string): void => void lines.push(line) };
  const errors = new ConnectErrors(file, "192.0.2.1:3306 db:3306 30\nno line of it\n");
  assert.equal(errors.of("db:3306"), 30);
  errors.add("192.0.2.1:3306", "192.0.2.1:3306", 12);
  errors.add("192.0.2.1:3306", "db:3306", 1);
  errors.add("192.0.2.2:3306", "other:3306", 0);
  assert.deepEqual(
    ["192.0.2.1:3306", "db:3306", "other:3306"].map((server) => errors.of(server)),
    [43, 43, 0],
  );
  assert.deepEqual(lines, ["192.0.2.1:3306 192.0.2.1:3306 12\n", "192.0.2.1:3306 db:3306 1\n"]);
  assert.equal(
    new ConnectErrors(file, `192.0.2.1:3306 db:3306 30\n${lines.join("")}`).of("db:3306"),
    43,
  );
});

test("ConnectErrors forgets the servers that were not met for longest", () => {
  const errors = new ConnectErrors();
  for (let port = 0; port < 65_537; port += 1) errors.add(`a:${port}`, `a:${port}`, 1);
  assert.deepEqual([errors.of("a:0"), errors.of("a:1"), errors.of("a:65536")], [0, 1, 1]);
});
