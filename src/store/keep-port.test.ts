import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { openingQuery } from "./keep-port.ts";
import { openSqlite } from "./sqlite.ts";

for (const [kind, index] of [
  ["port-closed", "port_open"],
  ["port-opened", "port_unwatched"],
] as const) {
  test(`openingQuery() reads no history of a port that opens over and over (${kind})`, async (t) => {
    const backend = await openSqlite({ path: undefined, durability: "normal", onNote: () => {} });
    t.after(() => backend.close());
    const port = { protocol: "tcp", address: "::", port: 80, namespace: 1 } as const;
    const stamp = { id: 1, sequence: 1, host: "h" };
    const plan = await openingQuery(backend.db, { stamp, kind, port }).explain(
      undefined,
      sql`query plan`,
    );
    assert.match(JSON.stringify(plan), new RegExp(`SEARCH port USING INDEX ${index} `));
  });
}
