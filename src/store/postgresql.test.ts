import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  postgresqlFolder,
  type PostgresqlServer,
  startPostgresql,
} from "../../test/fixtures/postgresql.ts";
import { outboxContract } from "../../test/fixtures/outbox-contract.ts";
import { storeContract } from "../../test/fixtures/store-contract.ts";
import { openPostgresql } from "./postgresql.ts";

const folder = postgresqlFolder();

describe("PostgreSQL", { skip: folder === undefined && "no PostgreSQL is installed" }, () => {
  let server: PostgresqlServer;
  before(async () => {
    server = await startPostgresql(folder as string);
  });
  after(() => server.close());

  storeContract(() => openPostgresql(server.url));
  outboxContract(() => openPostgresql(server.url));

  it("says where no server is, and not the password", async () => {
    await assert.rejects(
      openPostgresql("postgresql://u:secret@127.0.0.1:1/db"),
      (thrown: Error) => {
        assert.match(thrown.message, /^Cannot open the store "127.0.0.1:1\/db": /);
        assert.doesNotMatch(thrown.message, /secret/);
        return true;
      },
    );
  });
});
