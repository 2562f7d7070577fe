// Run as a process of its own by opened-paths.test.ts: opens one file in many ways, none of which says
// where it lies. Prints what it opened, one row a way: the words that it passed and whether that went well.
import { fstatSync, mkdirSync, openSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import koffi from "koffi";
import { IoUring, ioUringMissing } from "../../test/fixtures/io-uring.ts";
import { libc } from "../libc/libc.ts";

/** Numbers on x64 and arm64. */
const NUMBERS = {
  openat: [257, 56],
  openat2: [437, 437],
  open_tree: [428, 428],
  chroot: [161, 51],
  mount: [165, 40],
  umount2: [166, 39],
  unshare: [272, 97],
} as const;

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

const [CWD, RESOLVE_IN_ROOT, OPEN_TREE_CLONE, BIND, PRIVATE, DETACH, NEWNS] = [
  -100, 0x10, 1, 4096, 0x44000, 2, 0x20000,
];
const dir = process.argv[2] ?? "";
const etc = `${dir}/etc`;
const rows: { way: string; words: string; isDone: boolean }[] = [];

function open(way: string, words: string, dirfd = CWD): void {
  rows.push({ way, words, isDone: call("openat", dirfd, words, 0, 0) >= 0 });
}

mkdirSync(`${etc}/sub`, { recursive: true });
writeFileSync(`${etc}/secret`, "");
writeFileSync(`${etc}/public`, "");
symlinkSync(etc, `${dir}/link`);
symlinkSync(`${etc}/sub`, `${dir}/deep`);
symlinkSync(`${etc}/secret`, `${dir}/plain-name`);
const etcFd = openSync(etc, "r");

open("as it is", `${etc}/secret`);
open("a link to the file", `${dir}/plain-name`);
open("a link to its folder", `${dir}/link/secret`);
open("what lies beside it", `${dir}/link/public`);
open("a link and back", `${dir}/deep/../secret`);
open("/proc/self/root", `/proc/self/root${etc}/secret`);
open("/proc/1/root", `/proc/1/root${etc}/secret`);
process.chdir(etc);
open("/proc/self/cwd", "/proc/self/cwd/secret");
open("/proc/self/fd", `/proc/self/fd/${etcFd}/secret`);
open("an open folder", "secret", etcFd);
const inRoot = new Uint8Array(new BigUint64Array([0n, 0n, BigInt(RESOLVE_IN_ROOT)]).buffer);
rows.push({
  way: "openat2 in its root",
  words: "/secret",
  isDone: call("openat2", etcFd, "/secret", inRoot, 24) >= 0,
});

let deep = dir;
for (let depth = 0; depth < 70; depth += 1) deep += "/d";
mkdirSync(deep, { recursive: true });
writeFileSync(`${deep}/secret`, "");
open("too deep to be told", `${deep}/secret`);
process.chdir(deep);
open("seventy folders up", `${"../".repeat(70)}etc/secret`);
process.chdir(dir);

if (ioUringMissing() === undefined) {
  const words = `${"./".repeat(600)}etc/secret`;
  const path = Buffer.from(`${words}\0`);
  const fd = new IoUring().request({ op: "openat", fd: CWD, address: path }) ?? -1;
  rows.push({ way: "io_uring, a long path", words: words.slice(0, 1023), isDone: fd >= 0 });
}

if (call("unshare", NEWNS) === 0) {
  call("mount", "none", "/", "none", PRIVATE, 0);
  // A mount of one file: what its folder asks for is not remembered yet.
  const file = call("open_tree", CWD, `${etc}/secret`, OPEN_TREE_CLONE | 0o2000000);
  if (file >= 0) open("open_tree of a file", `/proc/self/fd/${file}`);
  const tree = call("open_tree", CWD, etc, OPEN_TREE_CLONE | 0o2000000);
  if (tree >= 0) open("open_tree", "./secret", tree);
  mkdirSync(`${dir}/mnt`);
  call("mount", etc, `${dir}/mnt`, "none", BIND, 0);
  const mounted = openSync(`${dir}/mnt`, "r");
  call("umount2", `${dir}/mnt`, DETACH);
  open("a mount that is gone", "././secret", mounted);
  rows.push(...(await rewritten()));
  call("chroot", etc);
  open("chroot", "/./secret");
}
process.stdout.write(JSON.stringify({ pid: process.pid, rows }));
process.exit();

/** Another thread rewrites the path meanwhile: as many rows as times the file was opened. */
async function rewritten(): Promise<typeof rows> {
  const [one, other] = [`${etc}/secret`, `${etc}/public`].map((path) => Buffer.from(`${path}\0`));
  const shared = new SharedArrayBuffer(one?.length ?? 0);
  const path = new Uint8Array(shared);
  const worker = new Worker(
    `const { workerData: [path, one, other] } = require("node:worker_threads"); for (;;) { path.set(one); path.set(other); }`,
    { eval: true, workerData: [path, one, other] },
  );
  await new Promise((resolve) => worker.once("online", resolve));
  const secret = statSync(`${etc}/secret`).ino;
  const opened: typeof rows = [];
  for (let index = 0; index < 2000; index += 1) {
    const fd = call("openat", CWD, path, 0, 0);
    if (fd < 0) continue;
    if (fstatSync(fd).ino === secret) opened.push({ way: "rewritten", words: "", isDone: true });
    libc.close(fd);
  }
  await worker.terminate();
  return opened;
}
