import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { opensslMissing, TlsServers } from "../../test/fixtures/tls-servers.ts";
import { connectDirectly } from "../ports/connect.ts";
import { firstImpression } from "./first-impression.ts";

describe("firstImpression()", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  after(() => servers.stop());
  const pair = servers.keyPair("rsa:2048");
  const impressionOf = (port: number): Promise<string | undefined> =>
    firstImpression(
      { connect: (signal) => connectDirectly("127.0.0.1", port, { signal }) },
      new AbortController().signal,
    );

  test("is the same for servers that are set up alike, and another for others", async () => {
    const [one, same, older, other] = await Promise.all([
      servers.openssl(pair),
      servers.openssl(pair),
      servers.openssl(pair, "-tls1_2"),
      servers.openssl(servers.keyPair("rsa:2048")),
    ]);
    const impression = await impressionOf(one);
    assert.equal(await impressionOf(same), impression);
    assert.notEqual(await impressionOf(older), impression);
    assert.notEqual(await impressionOf(other), impression);
  });

  test("of a port that nobody listens on is none", async () =>
    assert.equal(await impressionOf(1), undefined));
});
