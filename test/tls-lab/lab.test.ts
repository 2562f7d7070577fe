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
];

const lab = new Lab();
after(() => lab.end());

for (const server of LAB_SERVERS.filter(({ name }) => LIGHT.includes(name))) {
  const [program, debianPackage] = server.needs;
  test(
    `${server.name}: what it is, and each line as nmap has it`,
    { skip: hasProgram(program) ? false : `needs ${program}: apt-get install ${debianPackage}` },
    async (t) => {
      const { summary, problems } = await lookAt(lab, server);
      t.diagnostic(summary);
      assert.deepEqual(problems, []);
    },
  );
}
