import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Dockerd, dockerdMissing, startDockerd } from "../fixtures/dockerd.ts";
import { type RunningSaker, startSaker, until } from "../fixtures/saker.ts";

const IMAGE = "saker-test/sockets:1.0";

describe("saker watch without eBPF", { skip: dockerdMissing() ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-sockets-"));
  const report = join(folder, "report");
  let dockerd: Dockerd;
  let watch: RunningSaker;

  const log = (): string => textOf(join(report, "falco_report.txt"));
  const ports = (): { output_fields: Record<string, unknown> }[] =>
    textOf(join(report, "openport.txt")).split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as { output_fields: Record<string, unknown> });
  const told = (container: string, port: number): number => ports().filter(({ output_fields: fields }) => fields["container.name"] === container && fields["fd.sport"] === port).length;

  before(async () => {
    dockerd = await startDockerd();
    await dockerd.importImage({ reference: IMAGE });
    await dockerd.docker("run", "-d", "--name", "early", IMAGE, "/bin/busybox", "httpd", "-f", "-p", "81");
    watch = startSaker(["watch", "--source", "sockets", "--report", report], { env: dockerd.env, cwd: folder });
    await until("the watch to begin", () => watch.err().includes("watching this host"), { seen: () => watch.err() });
  });

  after(async () => {
    await watch?.stop();
    await dockerd?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("says once what it cannot see", () => {
    assert.equal(watch.err().split("watching without eBPF").length, 2, watch.err());
  });

  test("finds what listened before the start, and what opens later, with the right container, and examines it", async () => {
    await until("the early port", () => told("early", 81) > 0, { seen: () => watch.err() });
    await dockerd.docker("run", "-d", "--name", "late", IMAGE, "/bin/busybox", "httpd", "-f", "-p", "82");
    await until("the late port", () => told("late", 82) > 0, { seen: () => watch.err() });
    const audit = await until("the audit", () => textOf(join(report, "tls", "late_82.json")), { seen: () => watch.err() });
    assert.equal((JSON.parse(audit) as { speaks?: string }).speaks, "http");
    assert.deepEqual([told("early", 81), told("late", 82)], [1, 1]);
  });

  test("a port that closes and opens again is news again", async () => {
    const name = "again";
    await dockerd.docker("run", "-d", "--name", name, IMAGE, "/bin/busybox", "sh", "-c", "busybox httpd -f -p 83 & sleep 2; kill $!; sleep 2; exec busybox httpd -f -p 83");
    await until("the second opening", () => told(name, 83) === 2, { seen: () => `${told(name, 83)} ${watch.err()}` });
  });

  test("a shell in a container is told, with its parent and user", async () => {
    await dockerd.docker("exec", "-t", "late", "/bin/sh", "-c", "sleep 1; true");
    const line = await until("the alert", () => log().split("\n").find((text) => text.includes("Shell with a terminal in container")), { seen: () => `${log()}${watch.err()}` });
    assert.match(line, /late/);
    assert.match(line, /root/);
  });
});

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
