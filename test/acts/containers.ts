import { connect, connection, inAct, inAlone, inside, makeFile, RUNC } from "./props.ts";
import { type Act, METADATA_SERVICE } from "./stage.ts";

/**
 * Acts of the rules of the incubating and sandbox files that concern containers or happen in one.
 */
export const CONTAINERS: Readonly<Record<string, Act>> = {
  "a network tool": {
    rules: ["Launch Suspicious Network Tool in Container"],
    tells: { ...inAct, process: "nc", proc_exepath: "/bin/busybox", command: "nc --help" },
    run: inside("act", "/bin/nc", "--help"),
  },
  "a package manager": {
    rules: ["Launch Package Management Process in Container"],
    tells: { ...inAct, process: "apk" },
    run: inside("act", "/usr/bin/apk"),
  },
  "a remote copy": {
    rules: ["Launch Remote File Copy Tools in Container"],
    tells: { ...inAct, process: "scp" },
    run: inside("act", "/usr/bin/scp"),
  },
  "a download": {
    rules: ["Launch Ingress Remote File Copy Tools in Container"],
    tells: { ...inAct, process: "wget" },
    run: inside("act", "/bin/wget", "--help"),
  },
  "a cluster's client": {
    rules: ["Kubernetes Client Tool Launched in Container"],
    tells: { ...inAct, process: "kubectl" },
    run: inside("act", "/usr/bin/kubectl"),
  },
  "a payload that is decoded": {
    rules: ["Decoding Payload in Container"],
    tells: { ...inAct, process: "base64", command: "base64 -d /dev/null" },
    run: inside("act", "/bin/base64", "-d", "/dev/null"),
  },
  "another's environment": {
    rules: ["Read environment variable from /proc files"],
    tells: { ...inAct, file: "/proc/1/environ", process: "cat" },
    run: inside("act", "/bin/cat", "/proc/1/environ"),
  },
  "files that are carried away": {
    rules: ["Exfiltrating Artifacts via Kubernetes Control Plane"],
    tells: { ...inAct, file: "/bin/busybox", process: "tar" },
    run: inside("act", "/bin/tar", "c", "-f", "/dev/null", "/bin/busybox"),
  },
  "a disk": {
    // What is made there first is told by another rule.
    rules: ["Privileged Container Device Access", "Create files below dev"],
    tells: {
      ...inAct,
      device: "/dev/sdzz",
      process: "dd",
      command: "dd if=/dev/sdzz of=/dev/null count=1",
    },
    others: { "Create files below dev": { ...inAct, file: "/dev/sdzz", process: "dd" } },
    run: async (stage) => {
      await stage.inside("act", "/bin/dd", "if=/dev/zero", "of=/dev/sdzz", "count=1");
      await stage.inside("act", "/bin/dd", "if=/dev/sdzz", "of=/dev/null", "count=1");
    },
  },
  "a host's folder": {
    rules: ["Container Access to Host Sensitive Paths"],
    tells: { ...inAct, file: "/host/x", process: "dd" },
    run: makeFile("/host/x"),
  },
  "a container with too many rights": {
    rules: ["Launch Excessively Capable Container"],
    tells: {
      container_name: "able",
      parent: RUNC,
      process: "true",
      cap_permitted: /.*\bCAP_SYS_ADMIN\b.*/,
    },
    run: (stage) => stage.start("--name", "able", "--cap-add", "SYS_ADMIN"),
  },
  "a container with all rights": {
    rules: ["Launch Privileged Container"],
    tells: { container_name: "mighty", parent: RUNC, process: "true" },
    isPrivileged: true,
    run: (stage) => stage.start("--name", "mighty", "--privileged", "--runtime", "weaker"),
  },
  "a container with the host's files": {
    rules: ["Launch Sensitive Mount Container"],
    tells: {
      container_name: "mounted",
      parent: RUNC,
      process: "true",
      mounts: /\/proc:\/mnt:\S*:false:\w+/,
    },
    run: (stage) => stage.start("--name", "mounted", "-v", "/proc:/mnt:ro"),
  },
  "a mount with all rights": {
    rules: ["Mount Launched in Privileged Container"],
    tells: {
      container_name: "privileged",
      parent: RUNC,
      process: "mount",
      command: "mount -t tmpfs none /tmp",
    },
    isPrivileged: true,
    run: inside("privileged", "/bin/mount", "-t", "tmpfs", "none", "/tmp"),
  },
  "a namespace of its own": {
    rules: ["Change namespace privileges via unshare"],
    tells: { ...inAct, process: "unshare", command: "unshare -U /bin/true" },
    run: inside("act", "/bin/unshare", "-U", "/bin/true"),
  },
  "another's namespace": {
    rules: ["Change thread namespace"],
    tells: { container_name: "strong", parent: RUNC, process: "nsenter" },
    run: inside("strong", "/bin/nsenter", "-t", "1", "-u", "/bin/true"),
  },
  "a cloud's metadata": {
    rules: ["Contact EC2 Instance Metadata Service From Container"],
    tells: { ...inAlone, ...connection(METADATA_SERVICE, 80), process: "busybox", fd_type: "ipv4" },
    run: connect("alone", METADATA_SERVICE),
  },
  "a terminal's question who it is": {
    rules: ["Basic Interactive Reconnaissance"],
    tells: { ...inAct, process: "id", terminal: /[1-9]\d*/ },
    run: inside("-t", "act", "/bin/id"),
  },
  "a job": {
    rules: ["Schedule Cron Jobs"],
    tells: { ...inAct, process: "crontab" },
    run: inside("act", "/bin/crontab", "-l"),
  },
  "a file of jobs": {
    rules: ["Schedule Cron Jobs"],
    tells: { ...inAct, file: "/etc/cron.d/x", process: "dd" },
    run: makeFile("/etc/cron.d/x"),
  },
  "a private key": {
    rules: ["Read ssh information"],
    tells: { ...inAct, file: "/root/.ssh/id_rsa", process: "cat" },
    run: inside("act", "/bin/cat", "/root/.ssh/id_rsa"),
  },
  "a key that opens": {
    rules: ["Adding ssh keys to authorized_keys"],
    tells: { ...inAct, file: "/root/.ssh/authorized_keys", process: "dd" },
    run: makeFile("/root/.ssh/authorized_keys"),
  },
  "a package source": {
    rules: ["Update Package Repository"],
    tells: { ...inAct, file: "/etc/apt/sources.list", process: "dd", newpath: "<NA>" },
    run: makeFile("/etc/apt/sources.list"),
  },
  "a program among programs": {
    rules: ["Write below binary dir"],
    tells: { ...inAct, file: "/usr/bin/x", process: "dd" },
    run: inside("act", "/bin/dd", "if=/dev/zero", "of=/usr/bin/x", "count=1"),
  },
  "a program of the machine's own": {
    rules: ["Write below monitored dir"],
    tells: { ...inAct, file: "/usr/local/bin/x", process: "dd" },
    run: makeFile("/usr/local/bin/x"),
  },
  "a setting": {
    rules: ["Write below etc"],
    tells: { ...inAct, file: "/etc/x", process: "dd" },
    run: makeFile("/etc/x"),
  },
  "a file at the root": {
    rules: ["Write below root"],
    tells: { ...inAct, file: "/x", process: "dd" },
    run: makeFile("/x"),
  },
  "a package database": {
    rules: ["Write below rpm database"],
    tells: { ...inAct, file: "/var/lib/rpm/x", process: "dd" },
    run: makeFile("/var/lib/rpm/x"),
  },
  "a program that is removed": {
    rules: ["Modify binary dirs"],
    tells: { ...inAct, process: "rm", command: "rm /bin/yes", evt_args: /.*\/bin\/yes.*/ },
    run: inside("act", "/bin/rm", "/bin/yes"),
  },
  "a folder among programs": {
    rules: ["Mkdir binary dirs"],
    tells: { ...inAct, directory: "/bin/folder", process: "mkdir" },
    run: inside("act", "/bin/mkdir", "/bin/folder"),
  },
};
