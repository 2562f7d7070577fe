import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { Fanotify, FILE_EVENT } from "../../src/capture/fanotify.ts";
import { linkedFile } from "../../src/capture/opened-by-process.ts";
import { type Dockerd, dockerdMissing, startDockerd } from "../fixtures/dockerd.ts";
import { fanotifyMissing } from "../fixtures/fanotify.ts";
import { whyNoBpf } from "../fixtures/live-bpf.ts";
import { type RunningSaker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";
import { fuseMissing, mountSilentFileSystem } from "../fixtures/silent-file-system.ts";

const IMAGE = "saker-test/hold:1.0";
const RULES = `
- rule: Secret read
  desc: d
  condition: evt.type in (open, openat, openat2) and fd.name = /root/secret
  output: "%container.name %user.name"
  priority: NOTICE
`;
/** Reads the secret again and again. */
const READS =
  "while :; do /bin/busybox cat /root/secret >/dev/null; /bin/busybox usleep 100000; done";

describe("saker watch with a hostile container", { skip: dockerdMissing() ?? whyNoBpf() }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-hold-"));
  let dockerd: Dockerd;
  let watch: RunningSaker | undefined;

  const run = (name: string, ...args: string[]): Promise<string> =>
    dockerd.docker("run", "-d", "--name", name, ...args);
  const start = async (...args: string[]): Promise<RunningSaker> => {
    const rules = ["--rules", join(folder, "rules.yaml"), "--report", join(folder, "report")];
    const started = startSaker(["watch", "--json", "--no-audit", ...rules, ...args], {
      env: dockerd.env,
      cwd: folder,
    });
    watch = started;
    await until("the watch to begin", () => started.err().includes("watching"), {
      seen: () => started.err(),
      timeoutMs: 60_000,
    });
    return started;
  };
  /** What an alert of a container says of its user. */
  const users = (saker: RunningSaker, container: string): unknown[] =>
    saker
      .out()
      .split("\n")
      .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line).output_fields] : []))
      .filter((fields) => fields?.["container.name"] === container)
      .map((fields) => fields["user.name"]);
  const alerted = (saker: RunningSaker, container: string, times = 1): Promise<boolean> =>
    until(`alerts of ${container}`, () => users(saker, container).length >= times, {
      seen: () => saker.err() + saker.out(),
      timeoutMs: 60_000,
    });
  /** Ends it with a summary and in seconds, as a user does. */
  const end = async (saker: RunningSaker): Promise<void> => {
    const { code } = await saker.stop();
    watch = undefined;
    assert.equal(code, 0);
    assert.match(saker.err(), /\d+ events, \d+ dropped, \d+ alerts/);
  };

  before(async () => {
    writeFileSync(join(folder, "rules.yaml"), RULES);
    writeFileSync(join(folder, "secret"), "x");
    writeFileSync(join(folder, "passwd"), "root:x:0:0::/:/bin/sh\ninside:x:33:33::/:/bin/sh\n");
    const files = { "/root/secret": join(folder, "secret"), "/etc/passwd": join(folder, "passwd") };
    dockerd = await startDockerd();
    await dockerd.importImage({ reference: IMAGE, files });
  });
  beforeEach(() => (watch = undefined));
  afterEach(async () => {
    await watch?.stop();
    const ids = await dockerd.docker("ps", "-aq");
    if (ids !== "") await dockerd.docker("rm", "-f", ...ids.split("\n"));
  });
  after(async () => {
    await dockerd?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [what, make] of [
    ["a pipe", "mkfifo /etc/passwd"],
    ["a device", "mknod /etc/passwd c 1 5"],
    [
      "a pipe and a device as group",
      "mkfifo /etc/passwd; rm -f /etc/group; mknod /etc/group c 1 5",
    ],
    ["a huge file", "truncate -s 100G /etc/passwd"],
  ] as const) {
    test(`begins, alerts and ends beside ${what} in place of passwd`, async () => {
      await run("hostile", IMAGE, "/bin/sh", "-c", `rm /etc/passwd; ${make}; ${READS}`);
      const saker = await start();
      await alerted(saker, "hostile", 3);
      const memory = residentBytes(saker);
      await run("late", IMAGE, "/bin/sh", "-c", READS);
      await alerted(saker, "late", 3);
      await alerted(saker, "hostile", 20);
      assert.ok(residentBytes(saker) - memory < 50 << 20, "memory does not grow");
      assert.deepEqual(new Set(users(saker, "late")), new Set(["root"]));
      assert.match(
        saker.err(),
        /Users of container hostile have no names: its \/etc\/passwd is (no regular file|larger)/,
      );
      await end(saker);
    });
  }

  test("opens no file of the host that a link of a container names", async (t) => {
    const skip = fanotifyMissing();
    if (skip !== undefined) return t.skip(skip);
    const trap = join(folder, "trap");
    writeFileSync(trap, "stolen:x:0:0::/:/bin/sh\n");
    const openers: number[] = [];
    const group = new Fanotify(({ fd, pid }) => {
      if (linkedFile(`/proc/self/fd/${fd}`)?.path === trap) openers.push(pid);
    });
    t.after(() => group.close());
    assert.equal(group.mark(folder, FILE_EVENT.OPEN), undefined);
    readFileSync(trap);
    await until("the open that was ours", () => openers.length > 0);
    const link = `rm /etc/passwd; ln -s ${trap} /etc/passwd; ${READS}`;
    await run("hostile", IMAGE, "/bin/sh", "-c", link);
    const saker = await start();
    await alerted(saker, "hostile", 5);
    assert.deepEqual(new Set(users(saker, "hostile")), new Set(["root"]));
    await end(saker);
    assert.deepEqual(new Set(openers), new Set([process.pid]));
    return undefined;
  });

  test("gives a container's own user names, from its first event on", async () => {
    const saker = await start();
    for (const name of ["one", "two", "three"])
      await run(name, "-u", "33", IMAGE, "/bin/sh", "-c", READS);
    for (const name of ["one", "two", "three"]) {
      await alerted(saker, name, 3);
      assert.deepEqual(new Set(users(saker, name)), new Set(["inside"]), name);
    }
    // One that comes later has a name a few seconds later.
    await dockerd.docker(
      "exec",
      "-u",
      "0",
      "one",
      "sh",
      "-c",
      "echo new:x:44:44::/: >> /etc/passwd",
    );
    await dockerd.docker("exec", "-d", "-u", "44", "one", "sh", "-c", READS);
    await until("the new name", () => users(saker, "one").includes("new"), {
      seen: saker.out,
      timeoutMs: 60_000,
    });
    await end(saker);
  });

  test("begins beside a program on a file system that does not answer", async (t) => {
    const skip = fuseMissing();
    if (skip !== undefined) return t.skip(skip);
    const silent = await mountSilentFileSystem(["/usr/bin/busybox"]);
    t.after(silent.release);
    const child = spawn(join(silent.point, "busybox"), ["sleep", "600"], { stdio: "ignore" });
    t.after(() => child.kill("SIGKILL"));
    await once(child, "spawn");
    silent.fallSilent();
    await run("box", IMAGE, "/bin/sh", "-c", READS);
    for (const source of ["ebpf", "sockets"]) {
      const saker = await start("--source", source);
      await alerted(saker, "box");
      await end(saker);
    }
    return undefined;
  });

  test("goes on where reading a container's files does not come back, and says so", async (t) => {
    const skip = fuseMissing();
    if (skip !== undefined) return t.skip(skip);
    const silent = await mountSilentFileSystem([join(folder, "passwd"), join(folder, "secret")]);
    const merged = join(folder, "merged");
    for (const name of ["merged", "upper", "work"]) mkdirSync(join(folder, name));
    const layers = `lowerdir=${silent.point},upperdir=${folder}/upper,workdir=${folder}/work`;
    t.after(async () => {
      await silent.release();
      execFileSync("/usr/bin/umount", ["-l", merged], { stdio: "ignore" });
    });
    execFileSync("/usr/bin/mount", ["-t", "overlay", "-o", layers, "overlay", merged]);
    await run("hostile", "-v", `${merged}:/etc`, IMAGE, "/bin/sh", "-c", READS);
    silent.fallSilent();
    const saker = await start();
    await run("late", "-u", "33", IMAGE, "/bin/sh", "-c", READS);
    await alerted(saker, "hostile", 3);
    await until("the word", () => /no answer for 2 s/.test(saker.err()), { seen: saker.err });
    await until("the other one's name", () => users(saker, "late").includes("inside"), {
      seen: saker.err,
    });
    // The kernel keeps a process whose request such a server has taken: its end comes with an answer.
    saker.child.kill("SIGINT");
    await until("the summary", () => /\d+ alerts/.test(saker.err()), { seen: saker.err });
    await silent.release();
    assert.equal(await saker.ended(), 0);
    watch = undefined;
    return undefined;
  });
});

function residentBytes({ child }: RunningSaker): number {
  const pages = Number(readFileSync(`/proc/${child.pid}/statm`, "utf8").split(" ")[1]);
  return pages * 4096;
}
