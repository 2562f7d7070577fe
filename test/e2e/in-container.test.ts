import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Dockerd, dockerdMissing, startDockerd } from "../fixtures/dockerd.ts";
import { freePort } from "../fixtures/free-port.ts";
import { whyNoBpf } from "../fixtures/live-bpf.ts";
import { until } from "../fixtures/until.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const IMAGE = "saker-test/saker:1.0";

interface Told {
  readonly rule?: string;
  readonly hostname?: string;
  readonly output?: string;
  readonly target?: string;
  readonly speaks?: string;
}

// As Falco is run in a container: the host's /proc and /etc below /host, Docker's socket, and few
// capabilities. This Docker does not know CAP_BPF and CAP_PERFMON yet, for which
// CAP_SYS_ADMIN stands.
describe("saker watch in a container", { skip: dockerdMissing() ?? whyNoBpf() ?? false }, () => {
  let dockerd: Dockerd;
  const read = (): { out: string; err: string } => {
    const { stdout, stderr } = spawnSync("docker", ["logs", "saker"], {
      env: { ...process.env, ...dockerd.env },
      encoding: "utf8",
    });
    return { out: stdout, err: stderr };
  };
  const told = (): Told[] =>
    read()
      .out.split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Told);
  const seen = (): string => JSON.stringify(read());

  before(async () => {
    dockerd = await startDockerd();
    await dockerd.importImage({ reference: IMAGE, node: true });
    await dockerd.docker(
      "run",
      "-d",
      "--name",
      "early",
      IMAGE,
      "/bin/busybox",
      "httpd",
      "-f",
      "-p",
      "81",
    );
    const mounts = [
      `${CHECKOUT}:/saker:ro`,
      "/proc:/host/proc:ro",
      "/etc:/host/etc:ro",
      `${dockerd.socket}:/host/var/run/docker.sock`,
    ].flatMap((mount) => ["-v", mount]);
    await dockerd.docker(
      "run",
      "-d",
      "--name",
      "saker",
      "--init",
      "--cap-drop",
      "ALL",
      "--cap-add",
      "SYS_ADMIN",
      "--cap-add",
      "SYS_PTRACE",
      ...mounts,
      IMAGE,
      "/saker/bin/saker",
      "watch",
      "--report",
      "/report",
      "--json",
      "--with-audits",
    );
    await until("the watch to begin", () => read().err.includes("sockets that listened already"), {
      seen,
    });
  });
  after(() => dockerd?.stop());

  test("a port of a container that opens is told and examined", async () => {
    const port = await freePort();
    await dockerd.docker(
      "run",
      "-d",
      "--name",
      "web",
      "-p",
      `${port}:80`,
      IMAGE,
      "/bin/busybox",
      "httpd",
      "-f",
      "-p",
      "80",
    );
    const audit = await until("the audit", () => told().find(({ target }) => target === "web:80"), {
      seen,
    });
    assert.equal(audit.speaks, "http");
    const alert = told().find(
      ({ rule, output }) =>
        rule === "Port opened in container" && /\(port=80 .*container_name=web /.test(output ?? ""),
    );
    assert.match(
      alert?.output ?? "",
      /process=busybox .*container_name=web container_image_repository=saker-test\/saker/,
    );
  });

  test("what listened before is told of its container, whose control group cannot be looked at", async () => {
    const alert = await until(
      "the port of early",
      () => told().find(({ output }) => /\(port=81 .*container_name=early /.test(output ?? "")),
      { seen },
    );
    assert.match(alert.output ?? "", /container_name=early/);
  });

  test("processes of the host have the host's names", async () => {
    spawnSync("cat", ["/etc/shadow"]);
    const alert = await until(
      "the alert",
      () =>
        told().find(
          ({ rule, output }) =>
            rule === "Read sensitive file untrusted" && output?.includes("process=cat"),
        ),
      { seen },
    );
    assert.match(alert.output ?? "", /user=root .*container_name=host/);
    if (existsSync("/etc/hostname"))
      assert.equal(alert.hostname, readFileSync("/etc/hostname", "utf8").trim());
  });

  test("a shell in another container is told", async () => {
    await dockerd.docker("exec", "-t", "web", "/bin/sh", "-c", "true; true");
    const alert = await until(
      "the alert",
      () => told().find(({ rule }) => rule === "Terminal shell in container"),
      { seen },
    );
    assert.match(alert.output ?? "", /user=root .*container_name=web/);
    assert.match(read().err, /watching this host: eBPF .* containers/);
  });
});
