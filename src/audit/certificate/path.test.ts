import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Authority, AUTHORITY, derOf, type Issued } from "../../../test/fixtures/authority.ts";
import { opensslMissing } from "../../../test/fixtures/tls-servers.ts";
import type { ChainReport } from "../report.ts";
import { readCertificate } from "./certificate.ts";
import { reportChain } from "./chain-report.ts";
import { TrustStore } from "./trust-store.ts";

const skip = opensslMissing();
const folder = mkdtempSync(join(tmpdir(), "saker-path-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const authority = new Authority(folder);
/** Certificates are made while the tests run: an hour from now all of them are valid. */
const now = new Date(Date.now() + 3_600_000);

/** What is said of a chain that a server for `localhost` sends. */
function judged(
  sent: readonly [Issued, ...Issued[]],
  trusted: readonly Issued[],
  more: { readonly now?: Date; readonly name?: string; readonly ocspResponse?: Uint8Array } = {},
): ChainReport {
  const [leaf, ...above] = sent.map((issued) => readCertificate(derOf(issued)));
  assert.ok(leaf !== undefined);
  const store = new TrustStore(
    "test",
    trusted.map(({ certificate }) => readFileSync(certificate, "latin1")).join("\n"),
  );
  return reportChain(
    {
      sent: [leaf, ...above],
      protocols: ["TLSv1.2"],
      ocspResponse: more.ocspResponse,
      sctList: undefined,
    },
    { store, name: more.name ?? "localhost", now: more.now ?? now },
  );
}

test("reportChain() trusts a whole chain in order", { skip }, () => {
  const { root, middle, leaf } = authority.chain();
  const chain = judged([leaf, middle], [root]);
  assert.deepEqual(
    { ...chain, sent: chain.sent.length },
    {
      keyType: "ec",
      protocols: ["TLSv1.2"],
      sent: 2,
      isTrusted: true,
      anchor: "O=Test, CN=Root",
      isOrdered: true,
      superfluous: [],
      hostMatches: true,
    },
  );
  assert.equal(judged([leaf], [middle]).isTrusted, true, "an intermediate may be an anchor");
  assert.equal(judged([leaf, middle, root], [root]).superfluous.length, 0, "the root may be sent");
});

test(
  "reportChain() tells a missing issuer, a wrong order and certificates that nothing needs",
  { skip },
  () => {
    const { root, middle, leaf } = authority.chain();
    const other = authority.issue({ subject: "/CN=Other" });
    assert.deepEqual(
      [judged([leaf], [root]).missingIssuer, judged([leaf], [root]).distrust],
      ["O=Test, CN=Middle", "its issuer O=Test, CN=Middle is neither sent nor in the trust store"],
    );
    const wrong = judged([leaf, other, middle], [root]);
    assert.deepEqual(
      [wrong.isTrusted, wrong.isOrdered, wrong.superfluous],
      [true, false, ["CN=Other"]],
    );
  },
);

test("reportChain() says why a chain is not trusted", { skip }, () => {
  const { root, middle, leaf } = authority.chain();
  const own = authority.issue({ subject: "/CN=localhost" });
  assert.equal(judged([own], [root]).distrust, "it is signed by itself and not in the trust store");
  assert.equal(judged([own], [own]).isTrusted, true);
  assert.equal(
    judged([leaf, middle, root], [own]).distrust,
    "it ends in O=Test, CN=Root, which is not in the trust store",
  );
  const later = new Date(now.getTime() + 40 * 86_400_000);
  assert.match(
    judged([leaf, middle], [root], { now: later }).distrust ?? "",
    /^the certificate expired on 20/,
  );
  const earlier = new Date(now.getTime() - 2 * 86_400_000);
  assert.match(
    judged([leaf, middle], [root], { now: earlier }).distrust ?? "",
    /^the certificate is not valid before 20/,
  );
});

test("reportChain() heeds what authorities may do", { skip }, () => {
  const { root } = authority.chain();
  const leafOf = (
    extensions: readonly string[],
    leafExtensions: readonly string[] = ["subjectAltName=DNS:localhost"],
  ): string | undefined => {
    const middle = authority.issue({ subject: "/CN=M", issuer: root, extensions });
    return judged(
      [
        authority.issue({ subject: "/CN=localhost", issuer: middle, extensions: leafExtensions }),
        middle,
      ],
      [root],
    ).distrust;
  };
  assert.equal(leafOf(AUTHORITY), undefined);
  assert.equal(leafOf(["basicConstraints=CA:FALSE"]), "CN=M is no authority");
  assert.equal(
    leafOf(["basicConstraints=CA:TRUE", "keyUsage=cRLSign"]),
    "CN=M may not sign certificates",
  );
  assert.equal(
    leafOf([...AUTHORITY, "nameConstraints=permitted;DNS:example.test"]),
    "CN=M may not vouch for the names of the certificate",
  );
  assert.equal(
    leafOf([...AUTHORITY, "nameConstraints=excluded;DNS:localhost"]),
    "CN=M may not vouch for the names of the certificate",
  );
  assert.equal(
    leafOf(
      [...AUTHORITY, "nameConstraints=permitted;IP:127.0.0.0/255.0.0.0"],
      ["subjectAltName=IP:127.0.0.1"],
    ),
    undefined,
  );
  assert.equal(
    leafOf(
      [...AUTHORITY, "nameConstraints=permitted;IP:10.0.0.0/255.0.0.0"],
      ["subjectAltName=IP:127.0.0.1"],
    ),
    "CN=M may not vouch for the names of the certificate",
  );
  assert.equal(
    leafOf(AUTHORITY, ["extendedKeyUsage=clientAuth"]),
    "the certificate is not for servers, but for clientAuth",
  );
  const short = authority.issue({
    subject: "/CN=Short",
    issuer: root,
    extensions: ["basicConstraints=CA:TRUE,pathlen:0", "keyUsage=keyCertSign"],
  });
  const below = authority.issue({ subject: "/CN=Below", issuer: short, extensions: AUTHORITY });
  const leaf = authority.issue({ subject: "/CN=localhost", issuer: below });
  assert.equal(
    judged([leaf, below, short], [root]).distrust,
    "CN=Short allows 0 authorities below it, and there are 1",
  );
});

test(
  "reportChain() finds the way past a cross-signed authority that leads nowhere",
  { skip },
  () => {
    const { root } = authority.chain();
    const gone = authority.issue({ subject: "/CN=Gone", extensions: AUTHORITY });
    const middle = authority.issue({ subject: "/CN=Cross", issuer: root, extensions: AUTHORITY });
    const leaf = authority.issue({ subject: "/CN=localhost", issuer: middle });
    // The same name and key, signed by the root that nobody has.
    const crossed = { key: middle.key, certificate: authority.path("crossed.pem") };
    authority.crossSign(middle, gone, crossed.certificate);
    assert.equal(judged([leaf, crossed, middle], [root]).isTrusted, true);
    assert.deepEqual(judged([leaf, crossed, middle], [root]).superfluous, ["CN=Cross"]);
  },
);

test("reportChain() checks signatures of every kind", { skip }, () => {
  const keys = [
    ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    ["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
    ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    ["-algorithm", "ED25519"],
    ["-algorithm", "ED448"],
  ];
  const types = keys.map((key) => {
    const root = authority.issue({ subject: "/CN=R", key, extensions: AUTHORITY });
    const leaf = authority.issue({ subject: "/CN=localhost", issuer: root, key });
    const { isTrusted, keyType } = judged([leaf], [root]);
    return `${keyType} ${isTrusted}`;
  });
  assert.deepEqual(types, ["rsa true", "rsa-pss true", "ec true", "ed25519 true", "ed448 true"]);
  const [root, impostor] = [0, 1].map(() =>
    authority.issue({ subject: "/CN=R", extensions: AUTHORITY }),
  ) as [Issued, Issued];
  assert.equal(
    judged([authority.issue({ subject: "/CN=localhost", issuer: impostor })], [root]).isTrusted,
    false,
    "the same name is not the same key",
  );
});

test("reportChain() verifies a stapled OCSP response", { skip }, () => {
  const { root, middle, leaf } = authority.chain();
  const status = (response: string, at = now): string => {
    const ocsp = judged([leaf, middle], [root], {
      ocspResponse: readFileSync(response),
      now: at,
    }).ocsp;
    return `${ocsp?.status}: ${ocsp?.detail.replace(/\d{4}-.*/, "…")}`;
  };
  assert.equal(status(authority.ocspResponse({ leaf, issuer: middle })), "good: as of …");
  assert.equal(
    status(authority.ocspResponse({ leaf, issuer: middle, revoked: true })),
    "revoked: revoked on …",
  );
  const responder = authority.issue({
    subject: "/CN=Responder",
    issuer: middle,
    extensions: ["extendedKeyUsage=OCSPSigning"],
  });
  assert.equal(
    status(authority.ocspResponse({ leaf, issuer: middle, signer: responder })),
    "good: as of …",
  );
  const server = authority.issue({
    subject: "/CN=Responder",
    issuer: middle,
    extensions: ["extendedKeyUsage=serverAuth"],
  });
  assert.equal(
    status(authority.ocspResponse({ leaf, issuer: middle, signer: server })),
    "invalid: its responder may not sign OCSP responses",
  );
  assert.equal(
    status(
      authority.ocspResponse({
        leaf,
        issuer: middle,
        signer: authority.issue({ subject: "/CN=X" }),
      }),
    ),
    "invalid: its responder is not the issuer's",
  );
  assert.equal(
    status(authority.ocspResponse({ leaf: middle, issuer: root })),
    "invalid: it is about another certificate",
  );
  const later = new Date(now.getTime() + 10 * 86_400_000);
  assert.equal(
    status(authority.ocspResponse({ leaf, issuer: middle, days: 1 }), later),
    "invalid: it ended on …",
  );
  assert.equal(status(leaf.certificate).startsWith("invalid: Cannot read"), true);
});
