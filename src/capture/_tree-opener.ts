// Run as a process of its own by the fuzzers of paths, in a mount namespace of its own: makes a random
// tree of folders, links and mounts, opens random paths in it (or links and renames files by such paths),
// goes into a random folder for good (chroot) and does more. What it opened stays open; prints a row for
// each, and waits for its end.
import { closeSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import koffi from "koffi";
import { libc } from "../libc/libc.ts";

/** Numbers on x64 and arm64. */
const NUMBERS = {
  openat: [257, 56],
  chroot: [161, 51],
  mount: [165, 40],
  unshare: [272, 97],
  linkat: [265, 37],
  renameat2: [316, 276],
} as const;
type Argument = number | string;

function call(name: keyof typeof NUMBERS, ...values: readonly Argument[]): number {
  const number = NUMBERS[name][process.arch === "arm64" ? 1 : 0];
  const typed = values.flatMap((value): Argument[] =>
    typeof value === "number" ? ["int64_t", value] : ["str", value],
  );
  const result = Number((libc.syscall as (...all: unknown[]) => bigint | number)(number, ...typed));
  return result === -1 ? -koffi.errno() : result;
}

const [CWD, DIRECTORY, CREAT, BIND, PRIVATE, NEWNS] = [
  -100, 0o200000, 0o100, 4096, 0x44000, 0x20000,
];
const [base = "", seedText = "1", acts = "opens"] = process.argv.slice(2);
let seed = Number(seedText);

/** A number below `limit` (Numerical Recipes' generator). */
function random(limit: number): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((seed / 2 ** 32) * limit);
}

const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T;
const NAMES = ["a", "b", ".c", "shadow", "long-name-of-a-folder", "é", "..x"];
const parts = (most: number, names: readonly string[]): string[] =>
  Array.from({ length: 1 + random(most) }, () => pick(names));
const WALK = [...NAMES, "..", ".", "", "link0", "link1", "link2"];

const folders = [""];
const attempt = (act: () => void): void => {
  try {
    act();
  } catch {
    // A random tree has impossible parts.
  }
};

if (call("unshare", NEWNS) < 0) process.exit(3);
call("mount", "none", "/", "none", PRIVATE, 0);
for (let count = 0; count < 40; count += 1) {
  const path = `/${parts(4, NAMES).join("/")}`;
  attempt(() => mkdirSync(base + path, { recursive: true }));
  folders.push(path);
  attempt(() => writeFileSync(`${base}${path}/file`, ""));
  attempt(() => writeFileSync(`${base}${path}/shadow`, "", { flag: "wx" }));
}
for (let count = 0; count < 150; count += 1) {
  const up = "../".repeat(random(3)) + parts(3, WALK).join("/");
  const target = random(4) > 0 ? base + pick(folders) : up;
  attempt(() => symlinkSync(target, `${base}${pick(folders)}/link${random(3)}`));
}
for (let count = 0; count < 12; count += 1) {
  const end = random(3) === 0 ? "/file" : "";
  call("mount", base + pick(folders) + end, base + pick(folders) + end, "none", BIND, 0);
}

const rows: { fd: number; words: string; flags: number }[] = [];

/** A folder's path from some folder above it on, with what leads astray in between. */
function noisy(path: string): string {
  return path
    .split("/")
    .flatMap((part) => {
      const way = random(12);
      if (way === 0) return [part, pick(WALK)];
      if (way === 1) return [".", part];
      return way === 2
        ? [part, pick(NAMES), ".."]
        : way === 3
          ? [part, `link${random(3)}`]
          : [part];
    })
    .join("/");
}

function openSome(root: string): void {
  for (let count = 0; count < 250; count += 1) {
    const names = pick(folders).slice(1).split("/");
    const depth = random(names.length + 1);
    const [above, below] = [names.slice(0, depth).join("/"), names.slice(depth).join("/")];
    const end = pick(["file", "shadow", "shadow", "", "link0", "link1/file"]);
    attempt(() => process.chdir(`${root}/${above}`));
    const isAbsolute = random(3) === 0;
    const words = `${isAbsolute ? `${root}/${noisy(above)}/` : ""}${noisy(below)}/${end}`;
    const relative = words.startsWith("/") && !isAbsolute ? words.slice(1) : words;
    const folder = random(2) === 0 ? call("openat", CWD, ".", DIRECTORY, 0) : CWD;
    const flags = random(4) === 0 ? DIRECTORY : 0;
    const fd = call("openat", folder, relative, flags, 0);
    if (fd >= 0) rows.push({ fd, words: relative, flags });
  }
}

interface Moved {
  readonly call: string;
  readonly words: readonly string[];
  /** The folders that the words name, and the names in there. */
  readonly fds: readonly number[];
  readonly names: readonly string[];
}

const moves: Moved[] = [];

function moveSome(root: string): void {
  for (let count = 0; count < 120; count += 1) {
    const names = [`from${moves.length}-${count}`, `to${moves.length}-${count}`];
    const places = [0, 1].map(() => `${root}/${noisy(pick(folders).slice(1))}`);
    const fds = places.map((folder) => call("openat", CWD, folder, DIRECTORY, 0));
    const [from = -1] = fds;
    const file = from < 0 ? -1 : call("openat", from, names[0] ?? "", CREAT, 0o644);
    if (file >= 0) closeSync(file);
    const words = names.map((name, index) => `${places[index]}/${name}`);
    const [one = "", other = ""] = words;
    const act = random(2) === 0 ? "linkat" : "renameat2";
    if (fds.every((fd) => fd >= 0) && call(act, CWD, one, CWD, other, 0) === 0)
      moves.push({ call: act, words, fds, names });
    else for (const fd of fds) if (fd >= 0) closeSync(fd);
  }
}

const act = acts === "opens" ? openSome : moveSome;
act(base);
if (acts !== "moves" && call("chroot", base + pick(folders)) === 0) act("");
process.stdout.write(`${JSON.stringify(acts === "opens" ? rows : moves)}\n`);
setInterval(() => {}, 1000);
