import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeNamespace, namespacesMissing } from "../../test/fixtures/network-namespace.ts";
import { inNamespace, openNamespace } from "../ports/network-namespace.ts";
import { nmapFindings } from "./nmap-output.ts";
import { nmapScan, requireNmap } from "./nmap-scanner.ts";

const OPTIONS = { environment: process.env, identity: { uid: 65_534, gid: 65_534 } };
const NOT_HERE = existsSync("/usr/bin/nmap") ? namespacesMissing() : "needs Debian's nmap";

test("nmap examines a port that only its namespace has", { skip: NOT_HERE ?? false }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-nmap-"));
  const inside = makeNamespace();
  t.after(async () => {
    await inside.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x"];
  execFileSync("openssl", [...make, "-keyout", key, "-out", cert], { stdio: "ignore" });
  // Whoever runs in the namespace is killed at its end.
  const server = [
    "--pdeathsig",
    "KILL",
    "openssl",
    "s_server",
    "-accept",
    "7000",
    "-key",
    key,
    "-cert",
    cert,
    "-tls1_2",
    "-www",
    "-cipher",
    "ECDHE-RSA-AES128-GCM-SHA256",
  ];
  await inside.run(
    `const net = require("node:net");
require("node:child_process").spawn("/usr/bin/setpriv", ${JSON.stringify(server)}, { stdio: "ignore" });
net.createServer((socket) => socket.on("error", () => {}).end("220 hello\\r\\n")).listen(7001, "127.0.0.1");
const look = () => net.connect(7000, "127.0.0.1").on("error", () => setTimeout(look, 20)).on("connect", function () { this.destroy(); console.log("ready"); });
look();`,
  );
  const namespace = openNamespace(inside.path);
  t.after(() => namespace.close());
  const scan = (port: number) => {
    const within = <Result>(act: () => Result): Result => inNamespace(namespace, act);
    return nmapScan(
      { label: `web:${port}`, host: "127.0.0.1", port, container: "web", within },
      OPTIONS,
      AbortSignal.timeout(100_000),
    );
  };
  const found = await scan(7000);
  assert.equal(found.tls, true);
  assert.match(found.scanner ?? "", /^nmap 7/);
  assert.deepEqual(Object.keys(found.protocols), ["TLSv1.2"]);
  const [suite] = found.protocols["TLSv1.2"]?.ciphers ?? [];
  assert.deepEqual([suite?.id, suite?.name], ["0xC02F", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
  assert.equal(found.leastStrength, "A");
  assert.deepEqual(found.errors, []);
  const bare = await scan(7001);
  assert.equal(bare.tls, undefined);
  assert.match(bare.errors[0]?.error ?? "", /found no suite/);
  const closed = await scan(7002);
  assert.deepEqual(closed.errors, [
    { probe: "nmap", code: "refused", error: "nmap finds the port closed" },
  ]);
});

const HERE = {
  label: "h:1",
  host: "127.0.0.1",
  port: 1,
  within: <Result>(act: () => Result): Result => act(),
};

test("an nmap that is not there is told at the start, with what to do", () => {
  const nowhere = { program: "/nowhere/nmap", environment: {} };
  assert.throws(
    () => requireNmap(nowhere),
    /Cannot examine ports with "\/nowhere\/nmap": it cannot be run/,
  );
  assert.throws(
    () => requireNmap({ program: "true", environment: process.env }),
    /it has no script ssl-enum-ciphers/,
  );
});

test("an nmap that hangs, floods, fails or is gone is an error of the report", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-nmap-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const errorOf = async (script: string, signal = new AbortController().signal) => {
    const program = join(folder, "nmap");
    writeFileSync(program, `#!/bin/sh\n${script}\n`);
    chmodSync(program, 0o755);
    const options = { program, environment: process.env, deadlineMs: 500 };
    const { tls, errors } = await nmapScan(HERE, options, signal);
    assert.equal(tls, undefined);
    return errors[0]?.error ?? "";
  };
  assert.equal(await errorOf("exec sleep 60"), "nmap took longer than 0.5 s");
  assert.equal(await errorOf("sleep 60 & wait"), "nmap took longer than 0.5 s");
  assert.equal(
    await errorOf("exec yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    "nmap printed more than 4 MB",
  );
  assert.equal(await errorOf("echo no such host >&2; exit 3"), "nmap ended with 3: no such host");
  assert.match(await errorOf("echo '<nmaprun '"), /^nmap finds the port unknown$/);
  assert.equal(await errorOf("exec sleep 60", AbortSignal.abort()), "the watch ends");
  const gone = await nmapScan(
    HERE,
    { program: "/nowhere/nmap", environment: {} },
    new AbortController().signal,
  );
  assert.match(gone.errors[0]?.error ?? "", /^nmap cannot be run: .*ENOENT/);
});

test("nmap's XML is read whatever stands in it", () => {
  const script = (inner: string): string =>
    `<nmaprun version="7.93"><state state="open"/><script id="ssl-enum-ciphers" output="x">${inner}</script>`;
  const odd = script(
    `<table key="TLSv1.3"><table key="ciphers"><table><elem key="name">TLS_AKE_WITH_AES_128_GCM_SHA256</elem></table></table>` +
      `<table key="warnings"><elem>a &lt;b&gt; &#x1b;&#27; &nope; &#x110000;</elem></table></table></table></table><table key="__proto__">`,
  );
  const { protocols } = nmapFindings(odd);
  assert.equal(protocols["TLSv1.3"]?.ciphers[0]?.id, "0x1301");
  assert.equal(protocols["TLSv1.3"]?.warnings[0], "a <b> \u001b\u001b &nope; &#x110000;");
  assert.deepEqual(nmapFindings("").errors[0]?.error, "nmap finds the port unknown");
  assert.doesNotThrow(() => nmapFindings(script("<table>".repeat(100_000))));
});
