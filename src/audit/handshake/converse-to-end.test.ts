import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { after, describe, test } from "node:test";
import { createServer, type TlsOptions } from "node:tls";
import { opensslMissing, TlsServers } from "../../../test/fixtures/tls-servers.ts";
import { ABILITIES } from "../../tls/client-hello.ts";
import { connectDirectly } from "../../ports/connect.ts";
import { Prober } from "../prober.ts";
import { converseToEnd } from "./converse-to-end.ts";
import { generateKey } from "./key-agreement.ts";

const LEAVE = new TextEncoder().encode("goodbye");

describe("converseToEnd()", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  after(() => servers.stop());
  const pair = servers.keyPair("rsa:2048");
  const options = { key: readFileSync(pair.key), cert: readFileSync(pair.certificate) };

  /** What a server has heard inside TLS, and whether the connection counted as whole. */
  async function outcome(
    hello: { readonly version: 0x0301 | 0x0302 | 0x0303 | 0x0304; readonly suites: number[] },
    more: TlsOptions,
  ): Promise<unknown> {
    let heard = "";
    const server = createServer({ ...options, ...more }, (socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        heard += bytes.toString();
        socket.end("denied");
      });
    });
    server.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const prober = new Prober({
      connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
      signal: new AbortController().signal,
      silenceMs: 3000,
      maxParallel: 1,
      serverName: undefined,
    });
    const key = hello.version === 0x0304 ? generateKey([29]) : undefined;
    const keys = key === undefined ? [] : [key];
    const bytes = prober.encode({
      ...hello,
      ...(key === undefined ? { extensions: ABILITIES } : { groups: [29], keyShares: [key.share] }),
    });
    const isWhole = await prober.session(async (wire) => {
      await converseToEnd(wire, { bytes, keys }, LEAVE);
      return wire.isWhole;
    });
    server.close();
    return { heard, isWhole };
  }

  const WHOLE = { heard: "goodbye", isWhole: true };
  const SUITES: readonly (readonly [name: string, suite: number])[] = [
    ["ECDHE-RSA-AES128-GCM-SHA256", 0xc02f],
    ["ECDHE-RSA-AES256-GCM-SHA384", 0xc030],
    ["ECDHE-RSA-CHACHA20-POLY1305", 0xcca8],
    ["ECDHE-RSA-AES256-SHA384", 0xc028],
    ["ECDHE-RSA-AES128-SHA", 0xc013],
    ["AES256-GCM-SHA384", 0x009d],
    ["AES128-SHA256", 0x003c],
    ["DHE-RSA-AES128-GCM-SHA256", 0x009e],
    ["DHE-RSA-AES256-SHA256", 0x006b],
  ];
  for (const [name, suite] of SUITES)
    test(`TLS 1.2 with ${name}: the server hears the word inside TLS`, async () => {
      const more: TlsOptions = {
        maxVersion: "TLSv1.2",
        ciphers: `${name}:@SECLEVEL=0`,
        dhparam: "auto",
      };
      assert.deepEqual(await outcome({ version: 0x0303, suites: [suite] }, more), WHOLE);
    });

  for (const version of [0x0301, 0x0302] as const)
    test(`TLS 1.${version - 0x0301} with CBC, MAC before and behind encryption`, async () => {
      const more: TlsOptions = { minVersion: "TLSv1", ciphers: "ECDHE-RSA-AES128-SHA:@SECLEVEL=0" };
      for (const secureOptions of [0, NO_ENCRYPT_THEN_MAC])
        assert.deepEqual(
          await outcome({ version, suites: [0xc013] }, { ...more, secureOptions }),
          WHOLE,
        );
    });

  for (const suite of [0x1301, 0x1302, 0x1303])
    test(`TLS 1.3 with suite 0x${suite.toString(16)}, and a client certificate wanted`, async () => {
      for (const requestCert of [false, true])
        assert.deepEqual(
          await outcome(
            { version: 0x0304, suites: [suite] },
            { requestCert, rejectUnauthorized: false },
          ),
          WHOLE,
        );
    });

  test("what is refused, or in a suite that is not computed here, was broken off", async () => {
    const more: TlsOptions = {
      maxVersion: "TLSv1.2",
      ciphers: "ECDHE-RSA-CAMELLIA128-SHA256:AES128-SHA",
    };
    for (const suites of [[0xc076], [0xc02f]])
      assert.deepEqual(await outcome({ version: 0x0303, suites }, more), {
        heard: "",
        isWhole: false,
      });
  });
});

/** SSL_OP_NO_ENCRYPT_THEN_MAC; Node has no name for it. */
const NO_ENCRYPT_THEN_MAC = 0x80000;
