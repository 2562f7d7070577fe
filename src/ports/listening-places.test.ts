import assert from "node:assert/strict";
import { test } from "node:test";
import { makeNamespace, namespacesMissing } from "../../test/fixtures/network-namespace.ts";
import { listeningPlaces } from "./listening-places.ts";
import { openNamespace } from "./network-namespace.ts";
import type { PortPlace } from "./port-inventory.ts";

test("listeningPlaces() asks the kernel of each namespace, and says nothing of what is gone", async (t) => {
  const missing = namespacesMissing();
  if (missing !== undefined) return t.skip(missing);
  const inside = makeNamespace();
  t.after(() => inside.remove());
  const { pid } = await inside.run(
    'require("node:net").createServer().listen(80, "127.0.0.1", () => console.log("up"))',
  );
  const opened = openNamespace(inside.path);
  const { inode } = opened;
  opened.close();
  const process = { pid, comm: "node", exepath: "/bin/node" };
  const open: PortPlace = { namespace: inode, address: "127.0.0.1", port: 80, process };
  const silent = [
    { ...open, port: 81 },
    { ...open, address: "0.0.0.0" },
    { ...open, namespace: 1 },
  ];
  assert.deepEqual([...listeningPlaces([open, ...silent], undefined)], [open]);
  const { process: _, ...unseen } = open;
  assert.deepEqual([...listeningPlaces([unseen], pid)], [unseen]);
  assert.deepEqual([...listeningPlaces([unseen], undefined)], []);
});
