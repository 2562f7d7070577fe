import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { hasProgram, Lab } from "./lab.ts";
import { hasNmap, lookAt } from "./look.ts";
import { LAB_SERVERS } from "./servers.ts";

// Audits real servers on loopback, one after the other, and compares each with nmap's
// ssl-enum-ciphers and OpenSSL's client. `npm run tls-lab -- [--rounds N] [NAME…]`: each is audited
// so many times. With --install, missing servers are installed from Debian's packages first. Exit
// code 1 when something differs that no entry explains.

const { values, positionals: words } = parseArgs({
  options: { install: { type: "boolean" }, rounds: { type: "string", default: "1" } },
  allowPositionals: true,
});
const servers = LAB_SERVERS.filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
);
const missing = [
  ...new Set(
    servers
      .filter(({ needs: [program] }) => !hasProgram(program))
      .map(({ needs: [, debian] }) => debian),
  ),
];
if (missing.length > 0 && values.install === true)
  execFileSync("apt-get", ["install", "-y", "--no-install-recommends", ...missing], {
    stdio: "inherit",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });

const lab = new Lab();
const counts = { good: 0, bad: 0, skipped: 0 };
process.once("exit", () => lab.end());
process.once("SIGINT", () => process.exit(130));

for (const server of servers) {
  if (!hasProgram(server.needs[0])) {
    counts.skipped += 1;
    console.log(
      `-     ${server.name}: needs ${server.needs[0]} (apt-get install ${server.needs[1]})`,
    );
    continue;
  }
  const { summary, problems } = await lookAt(lab, server, { rounds: Number(values.rounds) }).catch(
    (thrown: unknown) => ({ summary: "did not start", problems: [String(thrown)] }),
  );
  counts[problems.length === 0 ? "good" : "bad"] += 1;
  console.log(`${problems.length === 0 ? "ok  " : "DIFF"}  ${server.name}: ${summary}`);
  for (const line of problems) console.log(`      ${line}`);
}
console.log(
  `${counts.good} as expected, ${counts.bad} not, ${counts.skipped} not installed${hasNmap ? "" : "; nmap is not installed, so nothing was compared"}`,
);
process.exitCode = counts.bad === 0 ? 0 : 1;
