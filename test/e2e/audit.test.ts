import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { saker } from "../fixtures/saker.ts";
import { Authority } from "../fixtures/authority.ts";
import { faults } from "../fixtures/json-schema.ts";
import { opensslMissing, TlsServers } from "../fixtures/tls-servers.ts";

describe("saker audit", { skip: opensslMissing() ?? false }, () => {
  const servers = new TlsServers();
  const authority = new Authority(servers.folder);
  after(() => servers.stop());
  const good = authority.issue({
    subject: "/CN=good",
    extensions: ["subjectAltName=DNS:localhost,IP:127.0.0.1"],
  });

  test("many targets, from a file and standard input: a report each, and a table with the worst first", async () => {
    const strong = await servers.openssl(good, "-cipher", "ECDHE+AESGCM");
    const weak = await servers.openssl(
      good,
      "-cipher",
      "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
      "-no_tls1_3",
    );
    const plain = await servers.plain((socket) => void socket.write("SSH-2.0-test\r\n"));
    const list = join(servers.folder, "targets");
    writeFileSync(list, `127.0.0.1:${strong} # the good one\n\n# nothing\n127.0.0.1:${plain}\n`);
    const { code, out } = await saker(["audit", `@${list}`, "-", "nosuch.invalid:1"], {
      input: `127.0.0.1:${weak}\n`,
    });
    assert.equal(code, 1);
    const table = out
      .slice(out.indexOf("GRADE "))
      .trim()
      .split("\n")
      .map((line) => line.split(/ {2,}/).slice(0, 5).join("|"));
    assert.deepEqual(table, [
      "GRADE|ENCRYPTION|LEAST|TARGET|PROTOCOLS",
      `T|F|F|127.0.0.1:${weak}|TLSv1.0 TLSv1.1 TLSv1.2`,
      `T|A+|A|127.0.0.1:${strong}|TLSv1.2 TLSv1.3`,
      '-|-|-|nosuch.invalid:1|could not be examined: Cannot connect to "nosuch.invalid": the name has no address',
      `-|-|-|127.0.0.1:${plain}|no TLS (speaks SSH)`,
    ]);
  });

  test("--fail-under, --ca-file and --ignore-trust decide the exit code", async () => {
    const port = await servers.openssl(good, "-cipher", "ECDHE+AESGCM");
    const run = (...args: string[]) => saker(["audit", `127.0.0.1:${port}`, ...args]);
    assert.equal((await run()).code, 0);
    const untrusted = await run("--fail-under", "B");
    assert.equal(untrusted.code, 1);
    assert.match(untrusted.err, /has grade T, which is under B\n.*hint: --ca-file/s);
    assert.equal((await run("--fail-under", "b", "--ignore-trust")).code, 0);
    assert.equal((await run("--fail-under", "A+", "--ca-file", good.certificate)).code, 0);
    const plain = await servers.plain((socket) => void socket.end("220 ready\r\n"));
    const none = await saker(["audit", `127.0.0.1:${plain}`, "--fail-under", "E"]);
    assert.equal(none.code, 1);
    assert.match(none.err, /has no TLS that could be graded, which is under E/);
  });

  for (const [args, error] of [
    [
      ["127.0.0.1:1", "--fail-under", "Z"],
      /Cannot use --fail-under "Z": there is no such grade\n.*hint: grades are A\+, A, A-, B, C, D, E, F/s,
    ],
    [
      ["127.0.0.1:1", "--ca-file", "/nonexistent"],
      /Cannot read certificates from "\/nonexistent": ENOENT/,
    ],
    [
      ["127.0.0.1:1", "--ca-file", "/etc/passwd"],
      /Cannot read certificates from "\/etc\/passwd": it holds none/,
    ],
    [[], /Cannot examine anything: no target is given/],
    [["@/nonexistent"], /Cannot read targets from "\/nonexistent": ENOENT/],
  ] as const) {
    test(`wrong use is told: ${args.join(" ")}`, async () => {
      const { code, err } = await saker(["audit", ...args]);
      assert.equal(code, 2);
      assert.match(err, error);
    });
  }

  test("a list without a target is told", async () => {
    const { code, err } = await saker(["audit", "@/dev/null", "-"], { input: "# none\n" });
    assert.equal(code, 0);
    assert.match(err, /no target stands in \/dev\/null\n/);
    assert.match(err, /no target stands in standard input\n/);
  });

  test("lists are bounded, and documents more so", async () => {
    const list = join(servers.folder, "many");
    writeFileSync(list, "127.0.0.1:1\n".repeat(4097));
    const { code, err } = await saker(["audit", `@${list}`, "--format", "html"]);
    assert.equal(code, 2);
    assert.match(err, /Cannot put 4097 targets into one document: the limit is 4096/);
    const endless = await saker(["audit", "@/dev/zero"]);
    assert.equal(endless.code, 2);
    assert.match(
      endless.err,
      /Cannot read targets from "\/dev\/zero": it is larger than \d+ bytes/,
    );
  });

  test("--output writes the document, and standard output has a line for each target", async () => {
    const port = await servers.openssl(good, "-cipher", "ECDHE+AESGCM");
    const page = join(servers.folder, "page.html");
    const { code, out } = await saker([
      "audit",
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      "--parallel",
      "1",
      "--format",
      "html",
      "--output",
      page,
    ]);
    assert.equal(code, 0);
    assert.deepEqual(
      out.split("\n").map((line) => line.split(" ")[0]),
      [`127.0.0.1:${port}`, `localhost:${port}`, "GRADE", "T", "T", ""],
    );
    assert.match(readFileSync(page, "utf8"), /^<!DOCTYPE html>[^]*<\/html>\n$/);
    const wrong = await saker(["audit", `127.0.0.1:${port}`, "--output", "/nonexistent/x"]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /Cannot write "\/nonexistent\/x": ENOENT/);
  });

  test("JSON of many targets has a line each, CSV a head before them, and a run goes on", async () => {
    const ports = await Promise.all(
      [1, 2, 3].map(() => servers.plain((socket) => void socket.write("SSH-2.0-test\r\n"))),
    );
    const targets = ports.map((port) => `127.0.0.1:${port}`);
    const { out } = await saker(["audit", ...targets, "--format", "json"]);
    const lines = out.trim().split("\n");
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { target: string }).target).toSorted(),
      targets.toSorted(),
    );
    const [kept, csv] = [join(servers.folder, "kept"), join(servers.folder, "all.csv")];
    const run = (...more: string[]) =>
      saker(["audit", ...more, "--format", "csv", "--output", csv, "--resume", kept]);
    await run(targets[0] ?? "");
    const resumed = await run(...targets, "--rate", "1000");
    assert.equal(resumed.code, 0, resumed.err);
    const rows = readFileSync(csv, "utf8").trim().split("\n");
    assert.match(rows[0] ?? "", /^target,host,address,port,/);
    assert.deepEqual(
      rows.slice(1).map((row) => row.split(",")[0]),
      [targets[0], ...rows.slice(2).map((row) => row.split(",")[0])],
    );
    assert.deepEqual(
      rows
        .slice(1)
        .map((row) => row.split(",")[0] ?? "")
        .toSorted(),
      targets.toSorted(),
    );
  });

  test("a report tells the address of a name", async () => {
    const port = await servers.openssl(good, "-tls1_3");
    const { out } = await saker(["audit", `localhost:${port}`, "--json"]);
    assert.match((JSON.parse(out) as { address: string }).address, /^(?:127\.0\.0\.1|::1)$/);
  });

  test("--schema describes what --json prints", async () => {
    const schema = JSON.parse((await saker(["audit", "--schema"])).out) as Parameters<
      typeof faults
    >[1];
    const port = await servers.openssl(good, "-cipher", "ALL:@SECLEVEL=0", "-serverpref");
    for (const target of [`localhost:${port}`, "127.0.0.1:1"])
      assert.deepEqual(
        faults(JSON.parse((await saker(["audit", target, "--json"])).out), schema),
        [],
      );
  });

  test("nmap-xml and html are one document for all targets", async () => {
    const port = await servers.openssl(good, "-tls1_3");
    const targets = [`127.0.0.1:${port}`, `localhost:${port}`];
    const xml = await saker(["audit", ...targets, "--format", "nmap-xml"]);
    assert.equal(xml.out.match(/<nmaprun /g)?.length, 1);
    assert.equal(xml.out.match(/<script id="ssl-enum-ciphers"/g)?.length, 2);
    const page = await saker(["audit", ...targets, "--format", "html"]);
    assert.equal(page.out.match(/<!DOCTYPE html>/g)?.length, 1);
    assert.equal(page.out.match(/<article /g)?.length, 2);
  });
});
