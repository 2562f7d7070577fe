import { spawn } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ACT, connect, connection, inAct, RUNC } from "./props.ts";
import { type Act, AFAR, SELF } from "./stage.ts";

const SHM = "/dev/shm/saker-act";

const self = { parent: SELF };
const inStrong = { container_name: "strong", parent: RUNC };

/** Acts of falco_rules.yaml, which fire when it is loaded alone. */
export const STABLE: Readonly<Record<string, Act>> = {
  "a path that climbs out": {
    rules: ["Directory traversal monitored file read"],
    tells: {
      ...self,
      file: "/etc/hostname",
      fileraw: /\S+\/\.\.\/\.\.\/etc\/hostname/,
      process: "cat",
    },
    run: (stage) => stage.run("cat", `${stage.folder}/../..${stage.folder}/../../etc/hostname`),
  },
  "a server that reads passwords late": {
    rules: ["Read sensitive file trusted after startup"],
    tells: {
      ...self,
      file: "/etc/shadow",
      process: "httpd",
      command: "httpd -c sleep 5.3; read x < /etc/shadow",
    },
    run: (stage) => stage.run(stage.as("httpd"), "-c", "sleep 5.3; read x < /etc/shadow"),
  },
  "cat of the passwords": {
    rules: ["Read sensitive file untrusted"],
    tells: {
      ...self,
      file: "/etc/shadow",
      process: "cat",
      proc_exepath: /(\/usr)?\/bin\/cat/,
      command: "cat /etc/shadow",
      terminal: "0",
    },
    run: (stage) => stage.run("cat", "/etc/shadow"),
  },
  "a server that starts a shell": {
    rules: ["Run shell untrusted"],
    tells: {
      process: "sh",
      parent: "httpd",
      parent_exepath: /\S+\/as\/httpd/,
      gparent: SELF,
      command: "sh -c true; true",
    },
    run: (stage) => stage.run(stage.as("httpd"), "-c", "/bin/sh -c 'true; true'; true"),
  },
  "a system user in a session": {
    rules: ["System user interactive"],
    tells: { user: "daemon", user_uid: "1", process: "true", parent: "sshd" },
    run: (stage) =>
      stage.run(
        stage.as("sshd"),
        "-c",
        "setpriv --reuid=1 --regid=1 --clear-groups /bin/true; true",
      ),
  },
  "a search for keys": {
    rules: ["Search Private Keys or Passwords"],
    tells: { ...self, process: "grep", command: "grep BEGIN PRIVATE /dev/null" },
    run: (stage) => stage.run("grep", "BEGIN PRIVATE", "/dev/null"),
  },
  "a log that is cleared": {
    rules: ["Clear Log Activities"],
    tells: { ...self, file: /\S+\/access_log/, process: "sh" },
    run: (stage) => stage.run("sh", "-c", `: > ${stage.folder}/access_log`),
  },
  "a disk eraser": {
    rules: ["Remove Bulk Data from Disk"],
    tells: { ...self, process: "shred", command: "shred --version" },
    run: (stage) => stage.run("shred", "--version"),
  },
  "a symlink to the passwords": {
    rules: ["Create Symlink Over Sensitive Files"],
    tells: { ...self, target: "/etc/shadow", linkpath: /\S+\/soft/, process: "ln" },
    run: (stage) => stage.run("ln", "-s", "/etc/shadow", `${stage.folder}/soft`),
  },
  "a hard link to the passwords": {
    rules: ["Create Hardlink Over Sensitive Files"],
    tells: { ...self, target: "/etc/shadow", linkpath: /\S+\/hard/, process: "ln" },
    run: (stage) => stage.run("ln", "/etc/shadow", `${stage.folder}/hard`),
  },
  "a search for AWS keys": {
    rules: ["Find AWS Credentials"],
    tells: { ...self, process: "grep", proc_cwd: /\S+\//, group_name: "root" },
    run: (stage) => stage.run("grep", "aws_access_key_id", "/dev/null"),
  },
  "a program in shared memory": {
    rules: ["Execution from /dev/shm"],
    tells: { ...self, process: "saker-act", proc_exepath: SHM, evt_res: "SUCCESS" },
    run: (stage) => {
      copyFileSync("/bin/true", SHM);
      stage.run(SHM);
      rmSync(SHM);
    },
  },
  "a program in memory alone": {
    rules: ["Fileless execution via memfd_create"],
    tells: { proc_exepath: "memfd:act", gparent: SELF, evt_res: "SUCCESS" },
    run: (stage) => stage.run(process.execPath, ACT, "memfd"),
  },
  "a process that is traced": {
    rules: ["PTRACE attached to process"],
    tells: { ...self, proc_exepath: process.execPath, command: /\S+ \S*act\.ts attach \d+/ },
    run: async (stage) => {
      const target = spawn("sleep", ["5"], { stdio: "ignore" });
      await sleep(100);
      stage.run(process.execPath, ACT, "attach", String(target.pid));
      target.kill("SIGKILL");
    },
  },
  "a process that asks to be traced": {
    rules: ["PTRACE anti-debug attempt"],
    tells: { ...self, proc_exepath: process.execPath, command: /\S+ \S*act\.ts trace-me/ },
    run: (stage) => stage.run(process.execPath, ACT, "trace-me"),
  },
  "a terminal in a container": {
    rules: ["Terminal shell in container"],
    tells: { ...inAct, process: "sh", proc_exepath: "/bin/busybox", terminal: /[1-9]\d*/ },
    run: (stage) => stage.inside("-t", "act", "/bin/sh", "-c", "true; true"),
  },
  "netcat that starts a program": {
    // Two of its descriptors become the connection, by a dup2() each.
    rules: [
      "Netcat Remote Code Execution in Container",
      "Redirect STDOUT/STDIN to Network Connection in Container",
      "Redirect STDOUT/STDIN to Network Connection in Container",
    ],
    tells: { ...inAct, process: "nc", command: "nc 127.0.0.1 4000 -e /bin/true" },
    others: {
      "Redirect STDOUT/STDIN to Network Connection in Container": {
        ...inAct,
        ...connection("127.0.0.1", 4000),
        process: "nc",
        "fd.sip": "127.0.0.1",
      },
    },
    run: async (stage) => {
      await stage.inside("-d", "act", "/bin/nc", "-l", "-p", "4000");
      await stage.listening("act", 4000);
      await stage.inside("act", "/bin/nc", "127.0.0.1", "4000", "-e", "/bin/true");
    },
  },
  "packet sockets": {
    // It asks for its address twice before it gives up.
    rules: ["Packet socket created in container", "Packet socket created in container"],
    tells: { ...inAct, process: "udhcpc" },
    run: (stage) =>
      stage.inside("act", "/bin/udhcpc", "-i", "lo", "-n", "-q", "-f", "-t", "1", "-T", "1"),
  },
  "a program that is put into a container": {
    rules: ["Drop and execute new binary in container"],
    tells: { ...inAct, process: "true", proc_exe: "/tmp/true", proc_exepath: "/tmp/true" },
    run: async (stage) => {
      await stage.inside("act", "/bin/cp", "/bin/busybox", "/tmp/true");
      await stage.inside("act", "/tmp/true");
    },
  },
  "a kernel module that is none": {
    // First by its descriptor, then by its content.
    rules: ["Linux Kernel Module Injection Detected", "Linux Kernel Module Injection Detected"],
    tells: { ...inStrong, process: "insmod", module: "/etc/passwd" },
    run: (stage) => stage.inside("strong", "/bin/insmod", "/etc/passwd"),
  },
  "debugfs with all privileges": {
    rules: ["Debugfs Launched in Privileged Container"],
    tells: { container_name: "privileged", parent: RUNC, process: "debugfs" },
    isPrivileged: true,
    run: (stage) => stage.inside("privileged", "/bin/debugfs"),
  },
  "a release agent": {
    rules: ["Detect release_agent File Container Escapes"],
    tells: { ...inStrong, file: "/tmp/release_agent", process: "sh" },
    run: (stage) => stage.inside("strong", "/bin/sh", "-c", ": > /tmp/release_agent"),
  },
  "a call of the cluster's server": {
    rules: ["Contact K8S API Server From Container"],
    tells: { container_name: "alone", parent: RUNC, ...connection(AFAR, 80), process: "busybox" },
    run: connect("alone", AFAR),
  },
  "ssh to a web server's port": {
    rules: ["Disallowed SSH Connection Non Standard Port"],
    tells: { ...self, ...connection(AFAR, 80), process: "ssh" },
    run: (stage) =>
      stage.afar(
        "ssh",
        "-F",
        "/dev/null",
        "-p",
        "80",
        "-o",
        "BatchMode=yes",
        "-o",
        "ConnectTimeout=3",
        "-o",
        "UserKnownHostsFile=/dev/null",
        AFAR,
      ),
  },
};
