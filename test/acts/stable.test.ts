import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Dockerd, dockerdMissing, startDockerd } from "../fixtures/dockerd.ts";
import { type RunningSaker, startSaker, until } from "../fixtures/saker.ts";

// One small and harmless act for each detection of Falco's stable rules, live: the expected alert comes, with the right process and place, and nothing else does.
// Two are left out: "Contact K8S API Server From Container" (its address has a name that no resolver here knows) and "Disallowed SSH Connection Non Standard Port" (it
// would go to an address outside of this machine).

const RULES = join(import.meta.dirname, "../../../shared/falco-rules/falco_rules.yaml");
const ACT = join(import.meta.dirname, "act.ts");
const IMAGE = "saker-test/acts:1.0";
const missing = dockerdMissing() ?? (existsSync("/sys/kernel/btf/vmlinux") ? undefined : "needs a kernel with BTF") ?? (existsSync(RULES) ? undefined : "needs ../shared/falco-rules");

interface Alert {
  readonly rule: string;
  readonly output: string;
  readonly output_fields: Readonly<Record<string, unknown>>;
}

interface Act {
  readonly rules: readonly string[];
  /** In the output of the first. */
  readonly tells: readonly RegExp[];
  readonly run: () => unknown;
  readonly isPrivileged?: true;
}

describe("acts of the official stable rules", { skip: missing ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-acts-"));
  const shm = "/dev/shm/saker-act";
  let dockerd: Dockerd;
  let watch: RunningSaker;
  let isPrivilegeAllowed = false;
  const alerts = (): Alert[] => watch.out().split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Alert).filter(({ rule }) => rule !== undefined);
  /** Runs a program as this process's child. */
  const run = (command: string, ...args: string[]): unknown => spawnSync(command, args, { stdio: "ignore" });
  const inContainer = (...command: string[]): Promise<unknown> => dockerd.docker("exec", "act", ...command).catch(() => undefined);
  /** A copy of a program under the name of another. */
  const as = (name: string, program = "/bin/bash"): string => {
    mkdirSync(join(folder, "as"), { recursive: true });
    copyFileSync(program, join(folder, "as", name));
    return join(folder, "as", name);
  };

  before(async () => {
    dockerd = await startDockerd();
    await dockerd.importImage({ reference: IMAGE, files: { "/bin/debugfs": "/bin/busybox" } });
    await dockerd.docker("run", "-d", "--name", "act", IMAGE, "/bin/busybox", "sleep", "1000");
    await dockerd.docker("run", "-d", "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_MODULE", "--name", "strong", IMAGE, "/bin/busybox", "sleep", "1000");
    // Not every machine lets its root have all capabilities.
    isPrivilegeAllowed = await dockerd.docker("run", "-d", "--privileged", "--name", "privileged", IMAGE, "/bin/busybox", "sleep", "1000").then(() => true, () => false);
    as("httpd");
    // The official outputs leave the container to this.
    writeFileSync(join(folder, "falco.yaml"), "append_output:\n  - extra_output: container_name=%container.name\n");
    watch = startSaker(["watch", "--config", join(folder, "falco.yaml"), "--rules", RULES, "--report", join(folder, "report"), "--no-audit", "--json"], { env: dockerd.env, cwd: folder });
    await until("the watch to begin", () => watch.err().includes("watching"), { seen: () => watch.err() });
    await sleep(500);
  });

  after(async () => {
    await watch?.stop();
    await dockerd?.stop();
    rmSync(folder, { recursive: true, force: true });
    rmSync(shm, { force: true });
  });

  const ACTS: Readonly<Record<string, Act>> = {
    "a path that climbs out": {
      rules: ["Directory traversal monitored file read"],
      tells: [/file=\/etc\/hostname /, /process=cat /],
      run: () => run("cat", `${folder}/../..${folder}/../../etc/hostname`),
    },
    "a server that reads passwords late": {
      rules: ["Read sensitive file trusted after startup"],
      tells: [/file=\/etc\/shadow /, /process=httpd /],
      run: () => run(join(folder, "as/httpd"), "-c", "sleep 6; read x < /etc/shadow"),
    },
    "cat of the passwords": { rules: ["Read sensitive file untrusted"], tells: [/file=\/etc\/shadow /, /process=cat /, /user=root /], run: () => run("cat", "/etc/shadow") },
    "a server that starts a shell": { rules: ["Run shell untrusted"], tells: [/process=sh /, /parent=httpd /], run: () => run(join(folder, "as/httpd"), "-c", "/bin/sh -c 'true; true'; true") },
    "a system user in a session": {
      rules: ["System user interactive"],
      tells: [/user=daemon /, /process=true /],
      run: () => run(as("sshd"), "-c", "setpriv --reuid=1 --regid=1 --clear-groups /bin/true; true"),
    },
    "a search for keys": { rules: ["Search Private Keys or Passwords"], tells: [/process=grep /], run: () => run("grep", "BEGIN PRIVATE", "/dev/null") },
    "a log that is cleared": { rules: ["Clear Log Activities"], tells: [/file=\S+\/access_log /, /process=sh /], run: () => run("sh", "-c", `: > ${folder}/access_log`) },
    "a disk eraser": { rules: ["Remove Bulk Data from Disk"], tells: [/process=shred /], run: () => run("shred", "--version") },
    "a symlink to the passwords": { rules: ["Create Symlink Over Sensitive Files"], tells: [/target=\/etc\/shadow /, /process=ln /], run: () => run("ln", "-s", "/etc/shadow", `${folder}/soft`) },
    "a hard link to the passwords": { rules: ["Create Hardlink Over Sensitive Files"], tells: [/target=\/etc\/shadow /, /process=ln /], run: () => run("ln", "/etc/shadow", `${folder}/hard`) },
    "a search for AWS keys": { rules: ["Find AWS Credentials"], tells: [/process=grep /], run: () => run("grep", "aws_access_key_id", "/dev/null") },
    "a program in shared memory": {
      rules: ["Execution from /dev/shm"],
      tells: [/proc_exepath=\/dev\/shm\/saker-act /],
      run: () => {
        copyFileSync("/bin/true", shm);
        run(shm);
      },
    },
    "a program in memory alone": { rules: ["Fileless execution via memfd_create"], tells: [/proc_exepath=memfd:act /], run: () => run(process.execPath, ACT, "memfd") },
    "a process that is traced": {
      rules: ["PTRACE attached to process"],
      tells: [/command=\S*node \S*act\.ts attach/],
      run: async () => {
        const target = spawn("sleep", ["5"], { stdio: "ignore" });
        await sleep(100);
        run(process.execPath, ACT, "attach", String(target.pid));
        target.kill("SIGKILL");
      },
    },
    "a process that asks to be traced": { rules: ["PTRACE anti-debug attempt"], tells: [/command=\S*node \S*act\.ts trace-me/], run: () => run(process.execPath, ACT, "trace-me") },
    "a terminal in a container": {
      rules: ["Terminal shell in container"],
      tells: [/process=sh /, /container_name=act/],
      run: () => dockerd.docker("exec", "-t", "act", "/bin/sh", "-c", "true; true"),
    },
    "netcat that starts a program": {
      // Two of its descriptors become the connection, by a dup2() each.
      rules: ["Netcat Remote Code Execution in Container", "Redirect STDOUT/STDIN to Network Connection in Container", "Redirect STDOUT/STDIN to Network Connection in Container"],
      tells: [/process=nc /, /container_name=act/],
      run: async () => {
        await dockerd.docker("exec", "-d", "act", "/bin/nc", "-l", "-p", "4000");
        await sleep(500);
        await inContainer("/bin/nc", "127.0.0.1", "4000", "-e", "/bin/true");
      },
    },
    // It asks for its address twice before it gives up.
    "packet sockets": { rules: ["Packet socket created in container", "Packet socket created in container"], tells: [/process=udhcpc /, /container_name=act/], run: () => inContainer("/bin/udhcpc", "-i", "lo", "-n", "-q", "-f", "-t", "1", "-T", "1") },
    "a program that is put into a container": {
      rules: ["Drop and execute new binary in container"],
      tells: [/proc_exepath=\/tmp\/true /, /container_name=act/],
      run: async () => {
        await inContainer("/bin/cp", "/bin/busybox", "/tmp/true");
        await inContainer("/tmp/true");
      },
    },
    // First by its descriptor, then by its content.
    "a kernel module that is none": { rules: ["Linux Kernel Module Injection Detected", "Linux Kernel Module Injection Detected"], tells: [/process=insmod /, /container_name=strong/], run: () => dockerd.docker("exec", "strong", "/bin/insmod", "/etc/passwd").catch(() => undefined) },
    "debugfs with all privileges": { rules: ["Debugfs Launched in Privileged Container"], tells: [/process=debugfs /, /container_name=privileged/], isPrivileged: true, run: () => dockerd.docker("exec", "privileged", "/bin/debugfs").catch(() => undefined) },
    "a release agent": {
      rules: ["Detect release_agent File Container Escapes"],
      tells: [/file=\/tmp\/release_agent /, /container_name=strong/],
      run: () => dockerd.docker("exec", "strong", "/bin/sh", "-c", ": > /tmp/release_agent"),
    },
  };

  for (const [name, { rules, tells, run: act, isPrivileged }] of Object.entries(ACTS)) {
    test(`${name}: ${rules.join(", ")}`, async (t) => {
      if (isPrivileged === true && !isPrivilegeAllowed) return t.skip("this machine starts no privileged containers");
      const before = alerts().length;
      await act();
      await until("the alerts", () => alerts().length >= before + rules.length, { timeoutMs: 10_000, seen: () => JSON.stringify(alerts().slice(before).map(({ output }) => output)) });
      // Whatever else comes of it has come by then.
      await sleep(300);
      const come = alerts().slice(before);
      assert.deepEqual(come.map(({ rule }) => rule).toSorted(), rules.toSorted(), JSON.stringify(come.map(({ output }) => output), undefined, 1));
      const [first] = come.filter(({ rule }) => rule === rules[0]);
      for (const part of tells) assert.match(first?.output ?? "", part);
    });
  }

  test("nothing was lost", () => assert.doesNotMatch(watch.err(), /were lost/));
});
