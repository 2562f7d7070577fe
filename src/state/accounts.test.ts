import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAccounts } from "./accounts.ts";

test("parseAccounts() takes the first line of an id, and leaves out what does not parse", () => {
  const passwd = [
    "web:x:33:33:Web:/srv:/bin/false",
    "second:x:33:33::/:/bin/sh",
    "",
    "broken",
    ":x:1:1::/:",
    "letters:x:one:1::/:",
    "noid:x::1::/:",
    "hexadecimal:x:0x1:1::/:",
    "power:x:1e0:1::/:",
    "blank:x: 1:1::/:",
    "last::34",
  ].join("\n");
  const accounts = parseAccounts(passwd, "web:x:33:a,b\nx::7");
  assert.deepEqual(
    [33, 34, 1, 0].map((uid) => accounts.userName(uid)),
    ["web", "last", undefined, "root"],
  );
  assert.deepEqual(
    [accounts.userHome(33), accounts.userShell(33), accounts.userHome(34)],
    ["/srv", "/bin/false", ""],
  );
  assert.deepEqual([accounts.groupName(33), accounts.groupName(7)], ["web", "x"]);
});

test("parseAccounts() takes no name or path that would fill every alert", () => {
  const long = "x".repeat(1 << 20);
  const accounts = parseAccounts(
    `${long}:x:7:7::/:\nshort:x:8:8::/${long}:/${long}`,
    `${long}:x:7:`,
  );
  assert.deepEqual(
    [accounts.userName(7), accounts.groupName(7), accounts.userName(8), accounts.userHome(8)],
    [undefined, undefined, "short", ""],
  );
});

test("parseAccounts() ends soon, whatever a megabyte is made of", () => {
  for (const line of ["\n", ":\n", "::\n", ":::::::\n", "a:x:1\n", "::::"]) {
    const text = line.repeat((1 << 20) / line.length);
    const start = performance.now();
    parseAccounts(text, text);
    // Some 50 ms on a machine with nothing else to do.
    assert.ok(performance.now() - start < 2000, JSON.stringify(line));
  }
});
