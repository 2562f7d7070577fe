import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Act, actsMissing, Stage } from "./stage.ts";

// One small and harmless act for each detection of Falco's stable rules, live: the expected alert comes, with the right process and place, and nothing else does.
// Two are left out: "Contact K8S API Server From Container" (its address has a name that no resolver here knows) and "Disallowed SSH Connection Non Standard Port" (it
// would go to an address outside of this machine).

const ACT = join(import.meta.dirname, "act.ts");

describe("acts of the official stable rules", { skip: actsMissing() ?? false }, () => {
  const stage = new Stage();
  const shm = "/dev/shm/saker-act";
  before(() => stage.open(["falco_rules.yaml"], ["/bin/debugfs"]));
  after(async () => {
    await stage.close();
    rmSync(shm, { force: true });
  });

  const ACTS: Readonly<Record<string, Act>> = {
    "a path that climbs out": {
      rules: ["Directory traversal monitored file read"],
      tells: [/file=\/etc\/hostname /, /process=cat /],
      run: () => stage.run("cat", `${stage.folder}/../..${stage.folder}/../../etc/hostname`),
    },
    "a server that reads passwords late": {
      rules: ["Read sensitive file trusted after startup"],
      tells: [/file=\/etc\/shadow /, /process=httpd /],
      run: () => stage.run(stage.as("httpd"), "-c", "sleep 6; read x < /etc/shadow"),
    },
    "cat of the passwords": { rules: ["Read sensitive file untrusted"], tells: [/file=\/etc\/shadow /, /process=cat /, /user=root /], run: () => stage.run("cat", "/etc/shadow") },
    "a server that starts a shell": { rules: ["Run shell untrusted"], tells: [/process=sh /, /parent=httpd /], run: () => stage.run(stage.as("httpd"), "-c", "/bin/sh -c 'true; true'; true") },
    "a system user in a session": {
      rules: ["System user interactive"],
      tells: [/user=daemon /, /process=true /],
      run: () => stage.run(stage.as("sshd"), "-c", "setpriv --reuid=1 --regid=1 --clear-groups /bin/true; true"),
    },
    "a search for keys": { rules: ["Search Private Keys or Passwords"], tells: [/process=grep /], run: () => stage.run("grep", "BEGIN PRIVATE", "/dev/null") },
    "a log that is cleared": { rules: ["Clear Log Activities"], tells: [/file=\S+\/access_log /, /process=sh /], run: () => stage.run("sh", "-c", `: > ${stage.folder}/access_log`) },
    "a disk eraser": { rules: ["Remove Bulk Data from Disk"], tells: [/process=shred /], run: () => stage.run("shred", "--version") },
    "a symlink to the passwords": { rules: ["Create Symlink Over Sensitive Files"], tells: [/target=\/etc\/shadow /, /process=ln /], run: () => stage.run("ln", "-s", "/etc/shadow", `${stage.folder}/soft`) },
    "a hard link to the passwords": { rules: ["Create Hardlink Over Sensitive Files"], tells: [/target=\/etc\/shadow /, /process=ln /], run: () => stage.run("ln", "/etc/shadow", `${stage.folder}/hard`) },
    "a search for AWS keys": { rules: ["Find AWS Credentials"], tells: [/process=grep /], run: () => stage.run("grep", "aws_access_key_id", "/dev/null") },
    "a program in shared memory": {
      rules: ["Execution from /dev/shm"],
      tells: [/proc_exepath=\/dev\/shm\/saker-act /],
      run: () => {
        copyFileSync("/bin/true", shm);
        stage.run(shm);
      },
    },
    "a program in memory alone": { rules: ["Fileless execution via memfd_create"], tells: [/proc_exepath=memfd:act /], run: () => stage.run(process.execPath, ACT, "memfd") },
    "a process that is traced": {
      rules: ["PTRACE attached to process"],
      tells: [/command=\S*node \S*act\.ts attach/],
      run: async () => {
        const target = spawn("sleep", ["5"], { stdio: "ignore" });
        await sleep(100);
        stage.run(process.execPath, ACT, "attach", String(target.pid));
        target.kill("SIGKILL");
      },
    },
    "a process that asks to be traced": { rules: ["PTRACE anti-debug attempt"], tells: [/command=\S*node \S*act\.ts trace-me/], run: () => stage.run(process.execPath, ACT, "trace-me") },
    "a terminal in a container": {
      rules: ["Terminal shell in container"],
      tells: [/process=sh /, /container_name=act/],
      run: () => stage.inside("-t", "act", "/bin/sh", "-c", "true; true"),
    },
    "netcat that starts a program": {
      // Two of its descriptors become the connection, by a dup2() each.
      rules: ["Netcat Remote Code Execution in Container", "Redirect STDOUT/STDIN to Network Connection in Container", "Redirect STDOUT/STDIN to Network Connection in Container"],
      tells: [/process=nc /, /container_name=act/],
      run: async () => {
        await stage.inside("-d", "act", "/bin/nc", "-l", "-p", "4000");
        await sleep(500);
        await stage.inside("act", "/bin/nc", "127.0.0.1", "4000", "-e", "/bin/true");
      },
    },
    // It asks for its address twice before it gives up.
    "packet sockets": { rules: ["Packet socket created in container", "Packet socket created in container"], tells: [/process=udhcpc /, /container_name=act/], run: () => stage.inside("act", "/bin/udhcpc", "-i", "lo", "-n", "-q", "-f", "-t", "1", "-T", "1") },
    "a program that is put into a container": {
      rules: ["Drop and execute new binary in container"],
      tells: [/proc_exepath=\/tmp\/true /, /container_name=act/],
      run: async () => {
        await stage.inside("act", "/bin/cp", "/bin/busybox", "/tmp/true");
        await stage.inside("act", "/tmp/true");
      },
    },
    // First by its descriptor, then by its content.
    "a kernel module that is none": { rules: ["Linux Kernel Module Injection Detected", "Linux Kernel Module Injection Detected"], tells: [/process=insmod /, /container_name=strong/], run: () => stage.inside("strong", "/bin/insmod", "/etc/passwd") },
    "debugfs with all privileges": { rules: ["Debugfs Launched in Privileged Container"], tells: [/process=debugfs /, /container_name=privileged/], isPrivileged: true, run: () => stage.inside("privileged", "/bin/debugfs") },
    "a release agent": {
      rules: ["Detect release_agent File Container Escapes"],
      tells: [/file=\/tmp\/release_agent /, /container_name=strong/],
      run: () => stage.inside("strong", "/bin/sh", "-c", ": > /tmp/release_agent"),
    },
  };

  for (const [name, act] of Object.entries(ACTS)) {
    test(`${name}: ${act.rules.join(", ")}`, async (t) => {
      if (act.isPrivileged === true && !stage.isPrivilegeAllowed) return t.skip("this machine starts no privileged containers");
      await stage.play(act);
    });
  }

  test("nothing was lost", () => assert.doesNotMatch(stage.words, /were lost/));
});
