import assert from "node:assert/strict";
import { test } from "node:test";
import { makeNamespace, namespacesMissing } from "../../test/fixtures/network-namespace.ts";
import { openNamespace } from "./network-namespace.ts";
import { isOwnAddress } from "./own-address.ts";

test("isOwnAddress() tells what stays in a namespace from what would leave it", async (t) => {
  const missing = namespacesMissing();
  if (missing !== undefined) return t.skip(missing);
  const made = makeNamespace();
  const namespace = openNamespace(made.path);
  try {
    assert.deepEqual(
      ["127.0.0.1", "127.9.9.9", "::1", "192.0.2.7", "2001:db8::7"].map((address) =>
        isOwnAddress(namespace, address),
      ),
      [true, true, true, false, false],
    );
  } finally {
    namespace.close();
    await made.remove();
  }
});

test("isOwnAddress() refuses what is no address", () => {
  const here = openNamespace("/proc/self/ns/net");
  assert.throws(() => isOwnAddress(here, "example"), { code: "BUG_ADDRESS" });
  here.close();
});
