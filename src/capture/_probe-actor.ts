// Run as a process of its own by probe-events.test.ts: does one thing of each kind that the probe
// reports, then prints what it knows.
import { mkdtempSync, openSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import { addressOf, libc } from "../libc/libc.ts";

/** Number of each system call on x64 and arm64; 0 where arm64 has none. */
const NUMBERS = {
  open: [2, 0],
  creat: [85, 0],
  openat: [257, 56],
  openat2: [437, 437],
  dup: [32, 23],
  dup2: [33, 0],
  dup3: [292, 24],
  fcntl: [72, 25],
  rename: [82, 0],
  renameat: [264, 38],
  renameat2: [316, 276],
  symlink: [88, 0],
  symlinkat: [266, 36],
  link: [86, 0],
  linkat: [265, 37],
  mkdir: [83, 0],
  mkdirat: [258, 34],
  rmdir: [84, 0],
  unlink: [87, 0],
  unlinkat: [263, 35],
  chmod: [90, 0],
  fchmod: [91, 52],
  fchmodat: [268, 53],
  fchmodat2: [452, 452],
  chown: [92, 0],
  lchown: [94, 0],
  fchown: [93, 55],
  fchownat: [260, 54],
  chdir: [80, 49],
  fchdir: [81, 50],
  chroot: [161, 51],
  ptrace: [101, 117],
  mount: [165, 40],
  umount2: [166, 39],
  memfd_create: [319, 279],
  kill: [62, 129],
  tkill: [200, 130],
  tgkill: [234, 131],
  setns: [308, 268],
  unshare: [272, 97],
  bpf: [321, 280],
  finit_module: [313, 273],
  init_module: [175, 105],
  userfaultfd: [323, 282],
  setsid: [112, 157],
  setpgid: [109, 154],
  setuid: [105, 146],
  setgid: [106, 144],
  setreuid: [113, 145],
  setregid: [114, 143],
  setresuid: [117, 147],
  setresgid: [119, 149],
  socket: [41, 198],
  bind: [49, 200],
  listen: [50, 201],
  connect: [42, 203],
  accept: [43, 202],
  accept4: [288, 242],
  close: [3, 57],
  execve: [59, 221],
  execveat: [322, 281],
  sendto: [44, 206],
  sendmsg: [46, 211],
  recvfrom: [45, 207],
  recvmsg: [47, 212],
  mknod: [133, 0],
  mknodat: [259, 33],
  mmap: [9, 222],
  mprotect: [10, 226],
  munmap: [11, 215],
  mlock: [149, 228],
  munlock: [150, 229],
  mlock2: [325, 284],
  mlockall: [151, 230],
  munlockall: [152, 231],
  splice: [275, 76],
  ioctl: [16, 29],
  seccomp: [317, 277],
  copy_file_range: [326, 285],
  prctl: [157, 167],
  capset: [126, 91],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  pidfd_open: [434, 434],
  pidfd_getfd: [438, 438],
  flock: [73, 32],
  shutdown: [48, 210],
  epoll_create1: [291, 20],
  inotify_init1: [294, 26],
  eventfd2: [290, 19],
  delete_module: [176, 106],
  process_vm_readv: [310, 270],
  fsconfig: [431, 431],
  open_by_handle_at: [304, 265],
} as const satisfies Record<string, readonly [number, number]>;

type Argument = number | string | Uint8Array;

function call(name: keyof typeof NUMBERS, ...values: readonly Argument[]): number {
  const number = NUMBERS[name][process.arch === "arm64" ? 1 : 0];
  const typed = values.flatMap((value): Argument[] => {
    if (typeof value === "number") return ["int64_t", value];
    return typeof value === "string" ? ["str", value] : ["void *", value];
  });
  const result = Number((libc.syscall as (...all: unknown[]) => bigint | number)(number, ...typed));
  return result === -1 ? -koffi.errno() : result;
}

const dir = mkdtempSync(join(tmpdir(), "saker-actor-"));
process.chdir(dir);
writeFileSync("file", "");
const dirfd = openSync(dir, "r");
const file = openSync("file", "r+");
const hasOldCalls = process.arch === "x64";
const CWD = -100;

function files(): void {
  if (hasOldCalls) {
    call("open", "by-open", 0o101, 0o640);
    call("creat", "by-creat", 0o751);
    call("rename", "by-creat", "by-rename");
    call("symlink", "target", "by-symlink");
    call("link", "file", "by-link");
    call("mkdir", "by-mkdir", 0o750);
    call("rmdir", "by-mkdir");
    call("unlink", "by-link");
    call("chmod", "file", 0o4755);
    call("chown", "file", 11, 12);
    call("lchown", "by-symlink", 13, 14);
  }
  call("openat", dirfd, "../by-openat/none", 0o2000002, 0);
  call("openat", CWD, "/dev/null", 1, 0);
  call("openat2", dirfd, "file", new Uint8Array(new BigUint64Array([0o2n, 0n, 8n]).buffer), 24);
  call("symlinkat", "target", dirfd, "by-symlinkat");
  call("linkat", dirfd, "file", CWD, "by-linkat", 0x400);
  call("renameat", dirfd, "by-linkat", CWD, "by-renameat");
  call("renameat2", CWD, "by-renameat", dirfd, "by-renameat2", 1);
  call("mkdirat", dirfd, "by-mkdirat", 0o700);
  call("unlinkat", dirfd, "by-mkdirat", 0x200);
  call("fchmod", file, 0o600);
  call("fchmodat", dirfd, "file", 0o644);
  call("fchmodat2", CWD, "file", 0o640, 0);
  call("fchown", file, 15, 16);
  call("fchownat", dirfd, "file", 17, 18, 0x100);
  call("chdir", "/nonexistent-dir");
  call("chdir", "relative-dir");
  call("fchdir", dirfd);
  call("chroot", "/nonexistent-root");
  call("mount", "none", "/nonexistent-mount", "tmpfs", 0x1000, 0);
  call("umount2", "/nonexistent-mount", 2);
}

function descriptors() {
  if (hasOldCalls) call("dup2", file, 90);
  call("dup3", file, 91, 0o2000000);
  call("fcntl", file, 0, 92);
  call("fcntl", file, 1030, 93);
  call("fcntl", file, 3, 0);
  return { dup: call("dup", file), memfd: call("memfd_create", "by-memfd", 1) };
}

function processes(): void {
  call("kill", process.pid, 0);
  call("tkill", process.pid, 0);
  call("tgkill", process.pid, process.pid, 0);
  call("ptrace", 0x4206, 2147483, 0, 0);
  call("setns", openSync("/proc/self/ns/uts", "r"), 0x04000000);
  call("unshare", 0x00000400);
  call("bpf", 0xffff, 0, 0);
  call("init_module", new TextEncoder().encode("\x7fELF"), 4, "by=init");
  call("finit_module", file, "by=finit", 1);
  call("userfaultfd", 0o2000000);
  call("setsid");
  call("setpgid", 0, 0);
}

function execs(): void {
  const [program, argument] = [Buffer.from("program\0"), Buffer.from("an argument\0")];
  const argv = new Uint8Array(
    new BigUint64Array([addressOf(program), addressOf(argument), 0n]).buffer,
  );
  const variable = Buffer.from("BY=execve\0");
  call(
    "execve",
    "./by-execve",
    argv,
    new Uint8Array(new BigUint64Array([addressOf(variable), 0n]).buffer),
  );
  call("execveat", dirfd, "by-execveat", argv, 0, 0);
  spawnSync("/bin/sh", ["-c", "exit 7", "by spawn"], { env: { BY: "spawn" } });
  spawnSync("/bin/sh", ["-c", "kill -9 $$", "by signal"]);
}

function inet(port: number, host = 0x7f000001): Uint8Array {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(2, 0);
  address.writeUInt16BE(port, 2);
  address.writeUInt32BE(host, 4);
  return address;
}

function inet6(port: number): Uint8Array {
  const address = Buffer.alloc(28);
  address.writeUInt16LE(10, 0);
  address.writeUInt16BE(port, 2);
  address[23] = 1;
  return address;
}

function unix(path: string): Uint8Array {
  return Buffer.concat([Buffer.from([1, 0]), Buffer.from(path)]);
}

const nameOf = koffi.load(null).func("int getsockname(int fd, void *address, void *length)");

function portOf(fd: number): number {
  const address = Buffer.alloc(28);
  nameOf(fd, address, Buffer.from(new Uint32Array([28]).buffer));
  return address.readUInt16BE(2);
}

/** A listener and a connection to it; all ends stay open until the process ends. */
function serve(family: number, to: (port: number) => Uint8Array) {
  const server = call("socket", family, 0o2000001, 0);
  call("bind", server, to(0), to(0).length);
  const port = family === 1 ? 0 : portOf(server);
  call("listen", server, 7);
  const client = call("socket", family, 1, 0);
  call("connect", client, to(port), to(port).length);
  const accepted =
    family === 10 ? call("accept", server, 0, 0) : call("accept4", server, 0, 0, 0o2000000);
  return { server, port, client, clientPort: family === 1 ? 0 : portOf(client), accepted };
}

/** sendmsg(2) of two buffers. */
function sendTwoParts(fd: number): void {
  const [first, second] = [Buffer.from("by sendmsg"), Buffer.from("rest")];
  const vectors = new BigUint64Array([
    addressOf(first),
    BigInt(first.length),
    addressOf(second),
    BigInt(second.length),
  ]);
  const header = new BigUint64Array([
    0n,
    0n,
    addressOf(new Uint8Array(vectors.buffer)),
    2n,
    0n,
    0n,
    0n,
  ]);
  call("sendmsg", fd, new Uint8Array(header.buffer), 0x4000);
}

/** recvmsg(2) into one buffer, with the address that it comes from. */
function receiveOne(fd: number): void {
  const [address, buffer] = [new Uint8Array(28), new Uint8Array(64)];
  const vector = new Uint8Array(
    new BigUint64Array([addressOf(buffer), BigInt(buffer.length)]).buffer,
  );
  const header = new BigUint64Array([addressOf(address), 28n, addressOf(vector), 1n, 0n, 0n, 0n]);
  call("recvmsg", fd, new Uint8Array(header.buffer), 0);
}

function sockets() {
  const v4 = serve(2, inet);
  const v6 = serve(10, inet6);
  const named = serve(1, () => unix("by-unix\0"));
  const abstract = serve(1, () => unix("\0by-abstract"));
  const udp = call("socket", 2, 2, 0);
  call("connect", udp, inet(9), 16);
  const sender = call("socket", 2, 2, 0);
  const text = Buffer.from("by sendto");
  call("sendto", sender, text, text.length, 0, inet(9), 16);
  // To IPv4 from a socket of IPv6, and with less than a whole address.
  const mixed = call("socket", 10, 2, 0);
  call("sendto", mixed, text, text.length, 0, inet(9), 16);
  call("sendto", mixed, text, 2, 0, inet6(9), 20);
  sendTwoParts(v4.client);
  const buffer = new Uint8Array(100);
  call("recvfrom", v4.accepted, buffer, buffer.length, 0, 0, 0);
  const receiver = call("socket", 2, 2, 0);
  call("bind", receiver, inet(0), 16);
  const [first, second] = [Buffer.from("first"), Buffer.from("second")];
  for (const one of [first, second])
    call("sendto", sender, one, one.length, 0, inet(portOf(receiver)), 16);
  call(
    "recvfrom",
    receiver,
    buffer,
    buffer.length,
    0,
    new Uint8Array(28),
    new Uint8Array(new Uint32Array([28]).buffer),
  );
  receiveOne(receiver);
  const refused = call("socket", 2, 1, 0);
  call("connect", refused, inet(1), 16);
  const closing = call("socket", 2, 1, 0);
  call("bind", closing, inet(0), 16);
  call("listen", closing, 1);
  const closed = portOf(closing);
  call("close", closing);
  return {
    v4,
    v6,
    named,
    abstract,
    udp,
    udpPort: portOf(udp),
    sender,
    senderPort: portOf(sender),
    mixed,
    mixedPort: portOf(mixed),
    receiver,
    receiverPort: portOf(receiver),
    refused,
    closed,
  };
}

/** Calls that only rules which name them ask for; many with what cannot be. */
function others() {
  const CLOEXEC = 0o2000000;
  if (hasOldCalls) call("mknod", "by-mknod", 0o010640, 0);
  call("mknodat", dirfd, "by-mknodat", 0o010600, 0);
  const address = call("mmap", 0, 8192, 3, 0x22, -1, 0);
  call("mprotect", address, 4096, 1);
  call("mlock", address, 4096);
  call("munlock", address, 4096);
  call("mlock2", address, 4096, 1);
  call("munmap", address, 8192);
  call("mlockall", 0);
  call("munlockall");
  call("splice", file, 0, dirfd, 0, 10, 3);
  call("ioctl", file, 0x5401, 77);
  call("seccomp", 99, 7, 0);
  call("copy_file_range", file, 0, dirfd, 0, 9, 0);
  call("prctl", 15, "by-prctl");
  call("prctl", 3, 5);
  call("capset", 0, 0);
  call("io_uring_setup", 0, 0);
  call("io_uring_enter", file, 1, 2, 1, 0, 0);
  call("io_uring_register", file, 5, 0, 6);
  const pidfd = call("pidfd_open", process.pid, 0);
  const gotten = call("pidfd_getfd", pidfd, file, 0);
  call("flock", file, 2);
  call("shutdown", file, 1);
  const made = {
    epoll: call("epoll_create1", CLOEXEC),
    inotify: call("inotify_init1", CLOEXEC),
    eventfd: call("eventfd2", 5, CLOEXEC | 0o4000),
  };
  call("delete_module", "by-delete", 0o4000);
  const [source, target] = [Buffer.from("by process_vm_readv"), Buffer.alloc(64)];
  const vectorOf = (bytes: Buffer, length: number): Uint8Array =>
    new Uint8Array(new BigUint64Array([addressOf(bytes), BigInt(length)]).buffer);
  const [into, from] = [vectorOf(target, 64), vectorOf(source, source.length)];
  const copied = call("process_vm_readv", process.pid, into, 1, from, 1, 0);
  call("fsconfig", file, 1, "by-key", "by-value", 0);
  call("open_by_handle_at", dirfd, 0, 0);
  const closed = call("dup", file);
  call("close", closed);
  return { address, pidfd, gotten, copied, closed, ...made };
}

/** Last of all: ends the rights that the others need. */
function identities(): void {
  const [keep, nobody] = [0xffffffff, 65534];
  call("setresgid", keep, keep, keep);
  call("setregid", keep, keep);
  call("setgid", 0);
  call("setresuid", keep, keep, keep);
  call("setreuid", keep, nobody);
  call("setuid", nobody);
}

files();
const made = descriptors();
processes();
execs();
const facts = {
  pid: process.pid,
  ppid: process.ppid,
  dir,
  dirfd,
  file,
  ...made,
  ...sockets(),
  others: others(),
};
identities();
process.stdout.write(JSON.stringify(facts));

/** What the test needs to know to say what it expects. */
export type ActorFacts = typeof facts;
