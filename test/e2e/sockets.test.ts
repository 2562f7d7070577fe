import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Dockerd, dockerdMissing, startDockerd } from "../fixtures/dockerd.ts";
import { fanotifyMissing } from "../fixtures/fanotify.ts";
import { type RunningSaker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

const IMAGE = "saker-test/sockets:1.0";

describe("saker watch without eBPF", { skip: dockerdMissing() ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-sockets-"));
  const report = join(folder, "report");
  let dockerd: Dockerd;
  let watch: RunningSaker;

  const log = (): string => textOf(join(report, "falco_report.txt"));
  const ports = (): { output_fields: Record<string, unknown> }[] =>
    textOf(join(report, "openport.txt"))
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { output_fields: Record<string, unknown> });
  const told = (container: string, port: number): number =>
    ports().filter(
      ({ output_fields: fields }) =>
        fields["container.name"] === container && fields["fd.sport"] === port,
    ).length;

  before(async () => {
    dockerd = await startDockerd();
    await dockerd.importImage({ reference: IMAGE });
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
    watch = startSaker(["watch", "--source", "sockets", "--report", report], {
      env: dockerd.env,
      cwd: folder,
    });
    await until("the watch to begin", () => watch.err().includes("watching this host"), {
      seen: () => watch.err(),
    });
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
    await dockerd.docker(
      "run",
      "-d",
      "--name",
      "late",
      IMAGE,
      "/bin/busybox",
      "httpd",
      "-f",
      "-p",
      "82",
    );
    await until("the late port", () => told("late", 82) > 0, { seen: () => watch.err() });
    const audit = await until(
      "the audit",
      () => textOf(join(report, "tls", "late_82.json")) || undefined,
      { seen: () => watch.err() },
    );
    assert.equal((JSON.parse(audit) as { speaks?: string }).speaks, "http");
    assert.deepEqual([told("early", 81), told("late", 82)], [1, 1]);
  });

  test("a port that closes and opens again is news again", async () => {
    const name = "again";
    await dockerd.docker(
      "run",
      "-d",
      "--name",
      name,
      IMAGE,
      "/bin/busybox",
      "sh",
      "-c",
      "busybox httpd -f -p 83 & sleep 2; kill $!; sleep 2; exec busybox httpd -f -p 83",
    );
    await until("the second opening", () => told(name, 83) === 2, {
      seen: () => `${told(name, 83)} ${watch.err()}`,
    });
  });

  test("a shell in a container is told, with its parent and user", async () => {
    await dockerd.docker("exec", "-t", "late", "/bin/sh", "-c", "sleep 1; true");
    const line = await until(
      "the alert",
      () =>
        log()
          .split("\n")
          .find((text) => text.includes("Shell with a terminal in container")),
      { seen: () => `${log()}${watch.err()}` },
    );
    assert.match(line, /late/);
    assert.match(line, /root/);
  });
});

describe(
  "saker watch without eBPF: files",
  { skip: dockerdMissing() ?? fanotifyMissing() ?? false },
  () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "saker-files-")));
    const data = join(folder, "data");
    const report = join(folder, "report");
    let dockerd: Dockerd;
    let watch: RunningSaker;

    const lines = (): string[] =>
      textOf(join(report, "falco_report.txt"))
        .split("\n")
        .filter((line) => line !== "");
    const told = (what: RegExp): Promise<string> =>
      until(String(what), () => lines().find((line) => what.test(line)), {
        seen: () => `${lines().join("\n")}${watch.err()}`,
      });

    before(async () => {
      mkdirSync(data);
      writeFileSync(join(folder, "shadow"), "root:*:::::::\n");
      writeFileSync(join(folder, "rules.yaml"), rulesOf(data));
      dockerd = await startDockerd();
      await dockerd.importImage({
        reference: IMAGE,
        files: { "etc/shadow": join(folder, "shadow") },
      });
      await dockerd.docker(
        "run",
        "-d",
        "--name",
        "early",
        "--tmpfs",
        "/data",
        "-v",
        `${data}:/volume`,
        IMAGE,
        "/bin/busybox",
        "sleep",
        "600",
      );
      watch = startSaker(
        [
          "watch",
          "--source",
          "sockets",
          "--rules",
          join(folder, "rules.yaml"),
          "--report",
          report,
          "--stats",
        ],
        { env: dockerd.env, cwd: folder },
      );
      await until("the watch to begin", () => watch.err().includes("watching this host"), {
        seen: () => watch.err(),
      });
      // What was opened before the file systems are marked is not seen.
      await until("the first file", () => {
        spawnSync("/bin/sh", ["-c", `echo >${join(data, "first")}; sleep 0.05; true`]);
        return lines().length > 0;
      });
    });

    after(async () => {
      await watch?.stop();
      await dockerd?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    test("says how many rules it cannot serve: files are not among them", () => {
      assert.match(
        watch.err(),
        /files that are opened are seen, connections and other calls are not; 1 of 3 rules ask for those alone/,
      );
    });

    test("tells of a process of the host, with its name and path", async () => {
      spawnSync("/bin/sh", ["-c", "exec 3</etc/shadow; sleep 2; true"]);
      spawnSync("/bin/sh", ["-c", `exec 3>>${join(data, "by-host")}; sleep 2; true`]);
      assert.match(await told(/READ/), /READ sh host \/etc\/shadow O_RDONLY /);
      assert.match(
        await told(/by-host/),
        new RegExp(`WRITTEN sh host ${join(data, "by-host")} O_APPEND\\|O_WRONLY `),
      );
    });

    test("tells of a process in a container, once, with the path that it sees: of its own files, a volume, a file system in memory", async () => {
      await dockerd.docker("exec", "early", "/bin/sh", "-c", "exec 3</etc/shadow; sleep 2; true");
      assert.match(await told(/READ .* early/), /READ \S+ early \/etc\/shadow O_RDONLY /);
      await dockerd.docker(
        "exec",
        "early",
        "/bin/sh",
        "-c",
        "exec 3>/volume/by-container; exec 4>/data/in-memory; sleep 2; true",
      );
      assert.match(
        await told(/by-container/),
        /WRITTEN \S+ early \/volume\/by-container O_WRONLY /,
      );
      assert.match(await told(/in-memory/), /WRITTEN \S+ early \/data\/in-memory O_WRONLY /);
      assert.equal(
        lines().filter((line) => line.includes("READ") && line.includes("early")).length,
        1,
      );
      assert.equal(lines().filter((line) => line.includes("by-container")).length, 1);
    });

    test("tells of a container that starts later, from its first program on", async () => {
      await dockerd.docker(
        "run",
        "-d",
        "--name",
        "late",
        IMAGE,
        "/bin/sh",
        "-c",
        "exec 3</etc/shadow; sleep 5; true",
      );
      assert.match(await told(/READ .* late/), /READ sh late \/etc\/shadow O_RDONLY /);
    });

    test("counts what no rule can match", async () => {
      const { code } = await watch.stop();
      assert.equal(code, 0);
      assert.match(
        watch.err(),
        /the kernel saw \d+ calls of these events, kept [1-9]\d* that no rule can match/,
      );
    });
  },
);

function rulesOf(data: string): string {
  const rule = (name: string, condition: string): string =>
    `- {rule: ${name}, desc: d, condition: "${condition}", output: "${name} %proc.name %container.name %fd.name %evt.arg.flags", priority: WARNING}\n`;
  return [
    rule(
      "READ",
      "evt.type in (open, openat, openat2) and evt.is_open_read = true and fd.typechar = f and fd.num >= 0 and fd.name = /etc/shadow and not proc.name contains runc",
    ),
    rule(
      "WRITTEN",
      `evt.type in (open, openat, openat2) and evt.is_open_write = true and fd.num >= 0 and (fd.name startswith ${data}/ or fd.name startswith /volume/ or fd.name startswith /data/)`,
    ),
    rule("CONNECTED", "evt.type = connect"),
  ].join("");
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
