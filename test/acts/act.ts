import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { openSync, readFileSync, writeFileSync } from "node:fs";
import koffi from "koffi";

// Run as a process of its own: does one thing that no program at hand does. `node act.ts NAME
// [ARGUMENT]`

const syscall = koffi.load(null).func("int64_t syscall(int64_t number, ...)");
const isX64 = process.arch === "x64";
const NUMBERS = {
  memfd_create: isX64 ? 319 : 279,
  ptrace: isX64 ? 101 : 117,
  setns: isX64 ? 308 : 268,
  setuid: isX64 ? 105 : 146,
  setresuid: isX64 ? 117 : 147,
  userfaultfd: isX64 ? 323 : 282,
  bpf: isX64 ? 321 : 280,
};
const [PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_DETACH] = [0, 16, 17];
const BPF_PROG_LOAD = 5;
const UFFD_USER_MODE_ONLY = 1;
const DAEMON = 1;

const EFFECTS: Readonly<Record<string, (argument: string) => unknown>> = {
  memfd: () => {
    const fd = Number(syscall(NUMBERS.memfd_create, "str", "act", "int64_t", 0));
    writeFileSync(fd, readFileSync("/bin/true"));
    spawnSync(`/proc/${process.pid}/fd/${fd}`);
  },
  attach: (pid) => {
    call("ptrace", PTRACE_ATTACH, Number(pid));
    call("ptrace", PTRACE_DETACH, Number(pid));
  },
  "trace-me": () => call("ptrace", PTRACE_TRACEME),
  // Into the namespace where it is.
  namespace: () => call("setns", openSync("/proc/self/ns/uts", "r")),
  // The kernel does the first for this thread alone.
  "another-user": () => {
    call("setresuid", DAEMON, DAEMON, DAEMON);
    call("setuid", DAEMON);
  },
  "page-faults": () => {
    call("setresuid", DAEMON, DAEMON, DAEMON);
    call("userfaultfd", UFFD_USER_MODE_ONLY);
  },
  // Without attributes: it is refused.
  "bpf-program": () => call("bpf", BPF_PROG_LOAD),
  datagrams: (address) => {
    const socket = createSocket("udp4");
    socket.connect(5000, address, () => socket.close());
  },
};

function call(name: keyof typeof NUMBERS, ...values: readonly number[]): void {
  syscall(
    NUMBERS[name],
    ...[...values, 0, 0, 0, 0].slice(0, 4).flatMap((value) => ["int64_t", value]),
  );
}

EFFECTS[process.argv[2] ?? ""]?.(process.argv[3] ?? "");
