import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, describe, test } from "node:test";
import { clientHelloOf } from "../../../test/fixtures/client-hello-of.ts";
import { opensslMissing, TlsServers } from "../../../test/fixtures/tls-servers.ts";
import { connectDirectly } from "../../ports/connect.ts";
import { cipherSuite } from "../../tls/cipher-suites.ts";
import { type VersionCode, versionName } from "../../tls/client-hello.ts";
import { groupName } from "../../tls/groups.ts";
import { FlightReader } from "../../tls/server-flight.ts";
import { audit } from "../audit.ts";
import { chosenGroup } from "../grade.ts";
import type { ClientReport } from "../report.ts";
import { type Client, CLIENTS } from "./client-table.ts";
import { simulateClients } from "./simulate-clients.ts";

// Each client's own hello, sent to a real server, is the oracle for what was worked out.
describe("simulateClients()", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  after(() => servers.stop());
  const [rsa, ec] = [
    servers.keyPair("rsa:2048"),
    servers.keyPair("ec -pkeyopt ec_paramgen_curve:prime256v1"),
  ];
  const all = ["-serverpref", "-cipher", "ALL:@SECLEVEL=0"];
  const both = ["-dkey", ec.key, "-dcert", ec.certificate];
  for (const [what, pair, args] of [
    ["the client's order", rsa, []],
    ["every version, two certificates", rsa, [...all, ...both]],
    ["ChaCha20 first", rsa, ["-no_tls1_3", "-serverpref", "-prioritize_chacha"]],
    ["groups that few send keys of", ec, ["-serverpref", "-groups", "P-521:P-256"]],
    [
      "a certificate whose curve few know",
      servers.keyPair("ec -pkeyopt ec_paramgen_curve:secp521r1"),
      [],
    ],
    ["a scheme that few know", servers.keyPair("ed25519"), []],
  ] as const)
    test(`says what each client's own hello gets: ${what}`, async () => {
      const port = await servers.openssl(pair, "-4", ...args);
      const { clients } = await examine(port);
      assert.equal(clients?.length, CLIENTS.length);
      for (const client of CLIENTS) {
        const said = clients?.find(({ name }) => name === client.name);
        const got = await shakeHands(client, port);
        assert.ok(agrees(said, got), `${JSON.stringify(said)} is not ${JSON.stringify(got)}`);
      }
    });

  function examine(port: number): ReturnType<typeof audit> {
    const connectTo = (signal: AbortSignal) => connectDirectly("127.0.0.1", port, { signal });
    return audit({ label: "s", host: "127.0.0.1", port, connect: connectTo });
  }
});

test("simulateClients says what it cannot tell", () => {
  const ciphers = ["0xC02F", "0xC030"].map((id) => ({ id, name: id, strength: "A" }));
  const server = { protocols: { "TLSv1.2": { ciphers, warnings: [] } }, groups: ["x25519"] };
  const all = simulateClients({ ...server, certificates: [], features: {} });
  const chrome = all.find(({ name }) => name === "Chrome 120");
  assert.equal(chrome?.unsure, "which suite: who decides could not be told");
  assert.equal(chrome.cipher, undefined);
});

type Got = Pick<ClientReport, "version" | "cipher"> & { readonly group?: string };

/** What the server picks; undefined where it picks nothing. */
function shakeHands(client: Client, port: number): Promise<Got | undefined> {
  const reader = new FlightReader();
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(clientHelloOf(client)));
    socket.on("error", reject);
    socket.on("data", (bytes) => {
      reader.push(bytes);
      if (reader.isDone) socket.destroy();
    });
    socket.on("close", () => {
      const { hello } = reader;
      if (hello === undefined) return resolve(undefined);
      const suite = cipherSuite(hello.suite);
      const group = chosenGroup(suite, reader);
      resolve({
        version: versionName(hello.version as VersionCode),
        cipher: suite.name,
        ...(group === undefined ? {} : { group: groupName(group) }),
      });
    });
  });
}

function agrees(said: ClientReport | undefined, got: Got | undefined): boolean {
  if (got === undefined) return said?.failure !== undefined;
  return (
    said?.version === got.version &&
    said?.cipher === got.cipher &&
    (got.group === undefined || said?.groups?.includes(got.group) === true)
  );
}
