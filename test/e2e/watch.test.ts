import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Dockerd, dockerdMissing, startDockerd } from "../fixtures/dockerd.ts";
import { type RunningSaker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";
import { serverFiles } from "../fixtures/servers.ts";

interface AlertLine {
  readonly rule: string;
  readonly output: string;
  readonly tags: readonly string[];
  readonly output_fields: Readonly<Record<string, unknown>>;
}

interface Audit {
  readonly tls: boolean;
  readonly speaks?: string;
  readonly reachable?: string;
  readonly container?: string;
  readonly port: number;
  readonly protocols?: Readonly<
    Record<
      string,
      {
        readonly ciphers: readonly { readonly strength: string }[];
        readonly cipherPreference?: string;
      }
    >
  >;
  readonly leastStrength?: string;
  readonly certificates?: readonly { readonly subject: string }[];
}

const missing =
  dockerdMissing() ??
  (existsSync("/sys/kernel/btf/vmlinux") ? undefined : "needs a kernel with BTF");
const IMAGE = "saker-test/web:1.0";

describe("saker watch on a live host", { skip: missing ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-e2e-"));
  const report = join(folder, "report");
  let dockerd: Dockerd;
  let watch: RunningSaker;

  const openPorts = (): AlertLine[] => jsonLines(join(report, "openport.txt"));
  const portAlert = (container: string, port: number): AlertLine[] =>
    openPorts().filter(
      ({ output_fields: fields }) =>
        fields["container.name"] === container && fields["fd.sport"] === port,
    );
  const audited = (name: string, port: number): Promise<Audit> =>
    waitForAudit(join(report, "tls", `${name}_${port}.json`), watch);
  const run = (name: string, ...args: string[]): Promise<string> =>
    dockerd.docker("run", "-d", "--name", name, ...args);

  before(async () => {
    dockerd = await startDockerd();
    await dockerd.importImage({ reference: IMAGE, node: true, files: serverFiles(folder) });
    await run("early", IMAGE, "/usr/bin/node", "/srv/https.js", "5443");
    await sleep(500);
    watch = startSaker(["watch", "--report", report], { env: dockerd.env, cwd: folder });
    await until("the watch to begin", () => watch.err().includes("watching"), {
      seen: () => watch.err(),
    });
  });

  after(async () => {
    await watch?.stop();
    await dockerd?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("finds what listened before the start, once", async () => {
    const audit = await audited("early", 5443);
    assert.equal(audit.tls, true);
    assert.equal(portAlert("early", 5443).length, 1);
  });

  test("tells of a published plain HTTP port: no TLS, speaks HTTP", async () => {
    await run("plain", "-p", "127.0.0.1::80", IMAGE, "/bin/busybox", "httpd", "-f", "-p", "80");
    const audit = await audited("plain", 80);
    assert.deepEqual(
      [audit.tls, audit.speaks, audit.container],
      [false, "http", "plain"],
      JSON.stringify(audit),
    );
    assert.match(audit.reachable ?? "", /^published at 127\.0\.0\.1:\d+$/);
    const [alert, ...more] = portAlert("plain", 80);
    assert.equal(more.length, 0);
    assert.ok(alert?.tags.includes("open_port"));
    assert.match(
      readFileSync(join(report, "falco_report.txt"), "utf8"),
      /^\d\d:\d\d:\d\d\.\d{9}: Notice .*plain.*$/m,
    );
  });

  test("grades an HTTPS server with TLS 1.2 and 1.3", async () => {
    await run("secure", IMAGE, "/usr/bin/node", "/srv/https.js", "8443");
    const audit = await audited("secure", 8443);
    assert.deepEqual(Object.keys(audit.protocols ?? {}).toSorted(), ["TLSv1.2", "TLSv1.3"]);
    assert.equal(audit.leastStrength, "A");
    assert.match(audit.certificates?.[0]?.subject ?? "", /web\.test/);
    assert.match(
      readFileSync(join(report, "tls", "secure_8443.txt"), "utf8"),
      /TLS_AKE_WITH_AES_256_GCM_SHA384.* - A/,
    );
    await until("the line of it", () => /secure:8443 .*TLSv1\.3/.test(watch.out()), {
      seen: watch.out,
    });
  });

  test("reaches a port that listens on the container's 127.0.0.1 alone", async () => {
    await run("inner", IMAGE, "/usr/bin/node", "/srv/https.js", "9443", "127.0.0.1");
    assert.equal((await audited("inner", 9443)).tls, true);
    assert.equal(portAlert("inner", 9443)[0]?.output_fields["fd.sip"], "127.0.0.1");
  });

  test("tells of a shell with a terminal in a container, by the container's name", async () => {
    await run("box", IMAGE, "/bin/busybox", "sleep", "600");
    await dockerd.docker("exec", "-t", "box", "sh", "-c", "echo hello; true");
    const log = (): string => readFileSync(join(report, "falco_report.txt"), "utf8");
    await until("the shell's alert", () => /[Ss]hell.*\bbox\b/.test(log()), { seen: log });
  });

  test("knows the name of a container that lives some milliseconds", async () => {
    for (const name of ["brief1", "brief2", "brief3"]) {
      // A sensitive file read by the container's very first process, which then ends.
      await dockerd.docker(
        "run",
        "--name",
        name,
        "--rm",
        "-v",
        "/etc/shadow:/etc/shadow:ro",
        IMAGE,
        "/bin/busybox",
        "cat",
        "/etc/shadow",
      );
      const log = (): string => readFileSync(join(report, "falco_report.txt"), "utf8");
      await until(`an alert about ${name}`, () => log().includes(name), { seen: log });
    }
    // Of these alone: another test's dockerd may run containers beside, which this watch cannot ask
    // about.
    const reads = readFileSync(join(report, "falco_report.txt"), "utf8")
      .split("\n")
      .filter((line) => /Sensitive file read .* command=busybox cat /.test(line));
    assert.ok(reads.length >= 3);
    assert.deepEqual(
      reads.filter((line) => /container_name=<NA>/.test(line)),
      [],
    );
  });

  test("tells of a port once while one of its sockets stays open", async () => {
    await run("workers", IMAGE, "/usr/bin/node", "/srv/workers.js");
    await until("the opening", () => portAlert("workers", 7100).length === 1, {
      seen: () => watch.err(),
    });
    await dockerd.docker("kill", "-s", "USR1", "workers");
    // What comes after it in the ring has been seen, so the second listen has, too.
    await dockerd.docker("exec", "-t", "workers", "sh", "-c", "true");
    await until(
      "the shell after it",
      () => /Shell.*workers/.test(readFileSync(join(report, "falco_report.txt"), "utf8")),
      { seen: () => watch.err() },
    );
    assert.equal(portAlert("workers", 7100).length, 1);
  });

  test("takes a port that was closed and opened again as news", async () => {
    await run("again", IMAGE, "/usr/bin/node", "/srv/reopen.js");
    await until("the first opening", () => portAlert("again", 7000).length === 1, {
      seen: () => watch.err(),
    });
    await dockerd.docker("kill", "-s", "USR1", "again");
    await until("the second opening", () => portAlert("again", 7000).length === 2, {
      seen: () => watch.err(),
    });
  });

  test("says in one line that a container died under its examination, and goes on", async () => {
    await run("gone", "--rm", IMAGE, "/usr/bin/node", "/srv/gone.js");
    await until(
      "a word about gone:7001",
      () =>
        /^.*gone:7001 could not be examined|Cannot examine gone:7001/m.test(
          watch.out() + watch.err(),
        ),
      { seen: () => watch.out() + watch.err() },
    );
    await run("after", IMAGE, "/bin/busybox", "httpd", "-f", "-p", "8080");
    assert.equal((await audited("after", 8080)).speaks, "http");
  });

  test("says the same beside Falco, from its JSON lines", async () => {
    const lines = openPorts().filter(({ output_fields: fields }) =>
      ["plain", "secure", "inner"].includes(String(fields["container.name"])),
    );
    const beside = join(folder, "beside");
    const input = [
      ...lines.map((line) => JSON.stringify(line)),
      "this is no alert",
      '{"rule":1}',
    ].join("\n");
    const second = startSaker(["watch", "--source", "falco:-", "--report", beside], {
      env: dockerd.env,
      cwd: folder,
      input: `${input}\n`,
    });
    const wanted = [
      ["plain", 80, false],
      ["secure", 8443, true],
      ["inner", 9443, true],
    ] as const;
    for (const [name, port, tls] of wanted)
      assert.equal(
        (await waitForAudit(join(beside, "tls", `${name}_${port}.json`), second)).tls,
        tls,
        name,
      );
    await second.ended();
    assert.match(second.err(), /this is no alert/);
  });

  test("ends on SIGINT with a summary", async (t) => {
    const { code, ms } = await watch.stop();
    assert.equal(code, 0, watch.err());
    t.diagnostic(`took ${Math.round(ms)} ms`);
    assert.match(watch.err(), /\d+ events.*\d+ dropped.*\d+ alerts.*\d+ ports/s);
  });
});

function jsonLines(path: string): AlertLine[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AlertLine);
}

async function waitForAudit(path: string, of: RunningSaker): Promise<Audit> {
  await until(path, () => existsSync(path), { seen: () => of.err() + of.out() });
  return JSON.parse(readFileSync(path, "utf8")) as Audit;
}
