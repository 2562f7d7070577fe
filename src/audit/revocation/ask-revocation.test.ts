import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { after, describe, test } from "node:test";
import { Authority, AUTHORITY, derOf, type Issued } from "../../../test/fixtures/authority.ts";
import { freePort } from "../../../test/fixtures/free-port.ts";
import { flipped, RevocationServers } from "../../../test/fixtures/revocation-servers.ts";
import { opensslMissing, TlsServers } from "../../../test/fixtures/tls-servers.ts";
import { connectDirectly } from "../../ports/connect.ts";
import { audit } from "../audit.ts";
import { readCertificate } from "../certificate/certificate.ts";
import { TrustStore, trustFrom } from "../certificate/trust-store.ts";
import type { AuditReport, RevocationReport } from "../report.ts";
import { askRevocation } from "./ask-revocation.ts";

describe("askRevocation()", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  const told = new RevocationServers(servers.folder);
  const authority = new Authority(servers.folder);
  after(() => {
    told.stop();
    servers.stop();
  });
  const root = authority.issue({ subject: "/CN=Root", extensions: AUTHORITY });
  const other = authority.issue({ subject: "/CN=Root", extensions: AUTHORITY });

  function leafOf(...pointers: string[]): Issued {
    const extensions = ["subjectAltName=DNS:localhost", ...pointers];
    return authority.issue({ subject: "/CN=localhost", issuer: root, extensions });
  }

  async function ask(leaf: Issued, trusted: Issued = root): Promise<readonly RevocationReport[]> {
    const sent = [readCertificate(derOf(leaf))] as const;
    const store = new TrustStore("test", readFileSync(trusted.certificate, "latin1"));
    const now = new Date(Date.now() + 60_000);
    return askRevocation(
      { sent, protocols: [], ocspResponse: undefined, sctList: undefined },
      { store, name: undefined, now },
      AbortSignal.timeout(20_000),
    );
  }

  function shown(answers: readonly RevocationReport[]): (string | undefined)[][] {
    return answers.map(({ method, status, detail }) => [method, status, detail]);
  }

  test("a whole audit asks responder and list, and a revoked certificate has T", async () => {
    const [ocspPort, lists] = [await freePort(), new Map<string, Uint8Array>()];
    const { port } = await told.http((request, response) =>
      response.end(lists.get(request.url ?? "")),
    );
    const pointers = [
      `authorityInfoAccess=OCSP;URI:http://127.0.0.1:${ocspPort}/`,
      `crlDistributionPoints=URI:http://127.0.0.1:${port}/list`,
    ];
    const [good, revoked] = [leafOf(...pointers), leafOf(...pointers)];
    const entries = [
      { certificate: good, isRevoked: false },
      { certificate: revoked, isRevoked: true },
    ];
    await told.responder(ocspPort, root, entries);
    lists.set("/list", told.list(root, entries));
    const first = await examine(good);
    assert.deepEqual(
      first.chains?.[0]?.revocation?.map(({ method, status }) => [method, status]),
      [
        ["OCSP", "good"],
        ["CRL", "good"],
      ],
    );
    assert.deepEqual([first.errors, first.grade?.letter], [[], "A+"]);
    const second = await examine(revoked);
    assert.deepEqual(shown(second.chains?.[0]?.revocation ?? []), [
      ["OCSP", "revoked", "revoked on 2026-10-01T00:00:00.000Z"],
      ["CRL", "revoked", "revoked on 2026-10-01T00:00:00.000Z (keyCompromise)"],
    ]);
    assert.equal(second.grade?.letter, "T");
    assert.ok(second.findings.some(({ id }) => id === "revoked"));
    const without = await examine(revoked, false);
    assert.deepEqual([without.chains?.[0]?.revocation, without.grade?.letter], [undefined, "A+"]);
  });

  test("a responder that does not know the certificate, and one who is nobody's", async () => {
    const [port, forged] = [await freePort(), await freePort()];
    const known = leafOf(`authorityInfoAccess=OCSP;URI:http://127.0.0.1:${port}/`);
    await told.responder(port, root, []);
    assert.deepEqual(
      (await ask(known)).map(({ status }) => status),
      ["unknown"],
    );
    const fooled = leafOf(`authorityInfoAccess=OCSP;URI:http://127.0.0.1:${forged}/`);
    await told.responder(forged, root, [{ certificate: fooled, isRevoked: false }], other);
    assert.deepEqual(shown(await ask(fooled)), [
      ["OCSP", "could not tell", "its responder is not the issuer's"],
    ]);
  });

  test("lists that say nothing of the certificate, each with its reason", async () => {
    const answers = new Map<string, (response: ServerResponse) => void>();
    const { port } = await told.http((request, response) =>
      answers.get(request.url ?? "")?.(response),
    );
    const base = `http://127.0.0.1:${port}`;
    const list = told.list(root, []);
    const scoped = (line: string): Uint8Array =>
      told.list(root, [], { extensions: [`issuingDistributionPoint=critical,@p\n[p]\n${line}`] });
    const cases: readonly [path: string, answer: (r: ServerResponse) => void, reason: RegExp][] = [
      ["/broken", (r) => r.end(flipped(list, list.length - 3)), /signature is not the issuer's/],
      ["/other", (r) => r.end(told.list(other, [])), /signature is not the issuer's/],
      ["/cut", (r) => r.end(list.subarray(0, 50)), /Cannot read/],
      ["/html", (r) => r.end("<html>"), /Cannot read/],
      ["/none", (r) => r.writeHead(404).end(), /status is 404/],
      [
        "/moved",
        (r) => r.writeHead(301, { location: "https://127.0.0.1:1/" }).end(),
        /URL is https:/,
      ],
      ["/file", (r) => r.writeHead(302, { location: "file:///etc/passwd" }).end(), /URL is file:/],
      ["/circle", (r) => r.writeHead(302, { location: "/circle" }).end(), /more than 3 times/],
      ["/reset", (r) => r.destroy(), /ECONNRESET|socket hang up/],
      ["/scope", (r) => r.end(scoped(`fullname=URI:${base}/elsewhere`)), /the list of .*elsewhere/],
      ["/authorities", (r) => r.end(scoped("onlyCA=TRUE")), /authorities alone/],
      ["/indirect", (r) => r.end(scoped("indirectCRL=TRUE")), /other issuers/],
      ["/reasons", (r) => r.end(scoped("onlysomereasons=keyCompromise")), /some reasons only/],
      [
        "/delta",
        (r) => r.end(told.list(root, [], { extensions: ["2.5.29.27=critical,ASN1:INTEGER:1"] })),
        /changes alone/,
      ],
      [
        "/unknown",
        (r) => r.end(told.list(root, [], { extensions: ["1.2.3.4=critical,ASN1:NULL"] })),
        /1\.2\.3\.4 is unknown/,
      ],
      ["/old", (r) => r.end(told.list(root, [], { days: 0 })), /it ended on/],
    ];
    for (const [path, answer, reason] of cases) {
      answers.set(path, answer);
      const [said] = await ask(leafOf(`crlDistributionPoints=URI:${base}${path}`));
      assert.equal(said?.status, "could not tell", path);
      assert.match(said.detail, reason, path);
    }
  });

  test("a second address is asked where the first tells nothing", async () => {
    const list = told.list(root, []);
    const { port, asked } = await told.http((request, response) =>
      request.url === "/2" ? response.end(list) : response.writeHead(500).end(),
    );
    const urls = ["/1", "/2"].map((path) => `URI:http://127.0.0.1:${port}${path}`);
    const [said] = await ask(leafOf(`crlDistributionPoints=${urls.join(",")}`));
    assert.deepEqual([said?.status, asked], ["good", ["/1", "/2"]]);
  });

  test("nobody is asked for a chain that is not trusted, by other schemes, or where none is named", async () => {
    const { port, asked } = await told.http((_, response) => response.end());
    const leaf = leafOf(`crlDistributionPoints=URI:http://127.0.0.1:${port}/`);
    assert.match((await ask(leaf, other))[0]?.detail ?? "", /the chain is not trusted/);
    assert.deepEqual(asked, []);
    const [secure] = await ask(leafOf(`crlDistributionPoints=URI:https://127.0.0.1:${port}/`));
    assert.match(secure?.detail ?? "", /URL is https:, and only http is asked/);
    assert.match((await ask(leafOf()))[0]?.detail ?? "", /names nobody to ask/);
  });

  async function examine(leaf: Issued, revocation = true): Promise<AuditReport> {
    const port = await servers.openssl(leaf, "-4");
    const connect = (signal: AbortSignal) => connectDirectly("127.0.0.1", port, { signal });
    const target = { label: "s", host: "127.0.0.1", port, serverName: "localhost", connect };
    const now = (): Date => new Date(Date.now() + 60_000);
    return audit(target, { trust: await trustFrom(root.certificate), revocation, now });
  }
});
