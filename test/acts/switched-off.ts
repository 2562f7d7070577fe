import { ACT, as, connect, connection, inAct, inAlone, inPod, inside, RUNC } from "./props.ts";
import { type Act, AFAR, METADATA_SERVICE, SELF } from "./stage.ts";

const self = { parent: SELF };

/** Takes a connection from itself. */
const TAKE = `$s = IO::Socket::INET->new(Listen => 1, LocalAddr => "${AFAR}", LocalPort => 5001); IO::Socket::INET->new("${AFAR}:5001"); $s->accept`;

/**
 * Sends a datagram from a socket that is bound and not connected: a local address of zeros is none
 * to the rules.
 */
const SEND = `$to = inet_aton("${AFAR}"); socket($s, PF_INET, SOCK_DGRAM, 0); bind($s, pack_sockaddr_in(0, $to)); send($s, "x", 0, pack_sockaddr_in(5000, $to))`;

/** Reads the first bytes of a class file from itself. */
const READ_CLASS = `
  $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
  $c = IO::Socket::INET->new("127.0.0.1:" . $s->sockport);
  $s->accept->syswrite("\\xca\\xfe\\xba\\xbe");
  $c->recv($bytes, 10)`;

/**
 * What the official files leave to the user to fill in, and one miner's name in place of all:
 * nobody is to be asked for theirs.
 */
export const FILLED_IN = `
- list: miner_domains
  items: [us1.ethermine.org]
  override: {items: replace}
- list: https_miner_domains
  items: []
  override: {items: replace}
- list: http_miner_domains
  items: []
  override: {items: replace}
- list: namespace_scope_network_only_subnet
  items: [kube-system]
  override: {items: replace}
- macro: allowed_containers
  condition: (container.image.repository = nothing)
  override: {condition: replace}
`;

/**
 * Acts of rules that the official files switch off, leave to be filled in, or hide behind one that
 * stands before.
 */
export const SWITCHED_OFF: Readonly<Record<string, Act>> = {
  "a program for the kernel": {
    rules: ["BPF Program Not Profiled"],
    tells: { ...self, proc_exepath: process.execPath, bpf_cmd: "BPF_PROG_LOAD" },
    run: (stage) => stage.run(process.execPath, ACT, "bpf-program"),
  },
  "a shell's settings that are read": {
    rules: ["Read Shell Configuration File"],
    tells: { ...self, file: "/etc/profile", process: "cat" },
    run: (stage) => stage.run("cat", "/etc/profile"),
  },
  "a hidden folder": {
    rules: ["Create Hidden Files or Directories"],
    tells: { ...self, process: "mkdir" },
    run: (stage) => stage.run("mkdir", `${stage.folder}/.folder`),
  },
  "a hidden file": {
    rules: ["Create Hidden Files or Directories"],
    tells: { ...self, file: /\S+\/\.file/, process: "cp" },
    run: (stage) => stage.run("cp", "/dev/null", `${stage.folder}/.file`),
  },
  "a connection that is taken": {
    // Once when it listens, once when it accepts.
    rules: [
      "Interpreted procs inbound network activity",
      "Unexpected inbound connection source",
      "Interpreted procs outbound network activity",
      "Interpreted procs inbound network activity",
      "Unexpected inbound connection source",
    ],
    tells: { ...self, process: "perl", connection: `${AFAR}:5001`, fd_proto: "tcp" },
    others: {
      "Interpreted procs outbound network activity": {
        ...self,
        ...connection(AFAR, 5001),
        process: "perl",
      },
    },
    run: (stage) => stage.afar("perl", "-MIO::Socket::INET", "-e", TAKE),
  },
  "a datagram": {
    rules: ["Interpreted procs outbound network activity"],
    tells: { ...self, ...connection(AFAR, 5000, "udp"), process: "perl", evt_type: "sendto" },
    run: (stage) => stage.afar("perl", "-MSocket", "-e", SEND),
  },
  "a class file from the network": {
    rules: ["Java Process Class File Download"],
    tells: { ...self, process: "perl", server_ip: "127.0.0.1", fd_proto: "tcp" },
    run: (stage) =>
      stage.run("bash", "-c", 'exec -a /usr/bin/java perl -MIO::Socket::INET -e "$0"', READ_CLASS),
  },
  "a miner's pool": {
    rules: ["Detect outbound connections to common miner pool ports"],
    tells: { ...inAlone, ...connection(AFAR, 3333), process: "busybox", ip: AFAR },
    run: connect("alone", AFAR, 3333),
  },
  "a node's port": {
    rules: ["Unexpected K8s NodePort Connection"],
    tells: { ...inAlone, ...connection(AFAR, 30000), process: "busybox" },
    run: connect("alone", AFAR, 30000),
  },
  "a connection out of the cluster": {
    rules: ["Network Connection outside Local Subnet"],
    tells: { ...inPod, ...connection(AFAR, 80), process: "busybox" },
    run: connect("pod", AFAR),
  },
  "a cloud's metadata": {
    rules: ["Contact cloud metadata service from container"],
    tells: { ...inAlone, ...connection(METADATA_SERVICE, 80), process: "busybox" },
    run: connect("alone", METADATA_SERVICE),
  },
  // The cluster's own pods may; that they leave their network is another matter.
  "a cloud's metadata for the cluster itself": {
    rules: ["Network Connection outside Local Subnet"],
    tells: { ...inPod, ...connection(METADATA_SERVICE, 80) },
    run: connect("pod", METADATA_SERVICE),
  },
  "a file that becomes a program": {
    rules: ["Container Drift Detected (chmod)"],
    tells: { ...inAct, process: "chmod", filename: "/tmp/program", mode: /\S*\bS_IXUSR\b\S*/ },
    run: async (stage) => {
      await stage.inside("act", "/bin/touch", "/tmp/program");
      await stage.inside("act", "/bin/chmod", "u+x", "/tmp/program");
    },
  },
  "a file that is made as a program": {
    rules: ["Container Drift Detected (open+create)"],
    tells: { ...inAct, process: "cp", name: "/tmp/copy", mode: /.+/ },
    run: inside("act", "/bin/cp", "/bin/busybox", "/tmp/copy"),
  },
  "a write to one's own descriptor": {
    rules: ["Modify Container Entrypoint"],
    tells: { ...inAct, process: "dd", file: "/proc/self/fd/3", parent: "sh" },
    run: inside(
      "act",
      "/bin/sh",
      "-c",
      "exec 3>/tmp/file; /bin/dd if=/dev/null of=/proc/self/fd/3; true",
    ),
  },
  "a container that is not allowed": {
    rules: ["Container Run as Root User", "Launch Disallowed Container"],
    tells: { container_name: "stranger", parent: RUNC, process: "true", user_uid: "0" },
    others: {
      "Launch Disallowed Container": {
        container_name: "stranger",
        parent: RUNC,
        process: "true",
        user_uid: "0",
        user: undefined,
      },
    },
    besides: ["Create Hidden Files or Directories", "Container Drift Detected (chmod)"],
    run: (stage) => stage.start("--name", "stranger"),
  },
  "a network tool during an installation": {
    rules: ["Network Tool Executed During NPM Package Install"],
    tells: { container_name: "act", process: "nc", parent: "npm", gparent: RUNC },
    run: inside("act", "/usr/bin/npm"),
  },
  "netcat that starts a program": {
    rules: ["Netcat/Socat Remote Code Execution on Host"],
    tells: { ...self, process: "ncat", command: "ncat -c true" },
    run: as("ncat", "true"),
  },
};
