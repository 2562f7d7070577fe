import assert from "node:assert/strict";
import { after, test } from "node:test";
import { hasProgram, Lab } from "./lab.ts";
import { lookAt } from "./look.ts";
import { LAB_SERVERS } from "./servers.ts";

// `npm run tls-lab` looks at all servers of the lab.
const LIGHT = [
  "openssl as it comes",
  "openssl everything up to TLS 1.2",
  "gnutls as it comes",
  "nginx as it comes",
  "nginx old",
  "haproxy",
  "stunnel",
  "redis over TLS",
  "redis",
  "python's HTTP",
  "openssl P-384 certificate",
  "openssl RSA and ECDSA certificates",
  "openssl X448 alone",
  "node two certificates",
  "node X25519MLKEM768 alone",
  "nginx plain",
  "python ssl",
  "caddy",
];

const lab = new Lab();
after(() => lab.end());

for (const server of LAB_SERVERS.filter(({ name }) => LIGHT.includes(name))) {
  const [program, debianPackage] = server.needs;
  test(
    `${server.name}: what it is, and as nmap or OpenSSL sees it`,
    { skip: hasProgram(program) ? false : `needs ${program}: apt-get install ${debianPackage}` },
    async (t) => {
      const { summary, problems } = await lookAt(lab, server, {
        asksOpenssl: server.isCompared !== true && server.noOracle === undefined,
      });
      t.diagnostic(summary);
      assert.deepEqual(problems, []);
    },
  );
}
