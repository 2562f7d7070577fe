// Run as a process of its own by call-paths.test.ts: links, renames, removes, … by words that do not say
// where they lead. Prints a row a call: its words, and where they led.
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";

const dir = process.argv[2] ?? "";
mkdirSync(`${dir}/etc`);
symlinkSync(`${dir}/etc`, `${dir}/link`);
process.chdir(dir);
for (const name of ["one", "two", "three"]) writeFileSync(`etc/${name}`, "");
writeFileSync("etc/script", "#!/bin/sh\n:\n");
chmodSync("etc/script", 0o755);

/** `always`: told by kernels without kprobes, too. */
const rows: { words: string[]; led: (string | null)[]; always: boolean }[] = [];

function row(words: string[], led: (string | null)[], always = true): void {
  rows.push({ words, led, always });
}

linkSync("link/one", "link/../hard");
row(["link/one", "link/../hard"], [`${dir}/etc/one`, `${dir}/hard`]);
renameSync("link/two", "link/moved");
row(["link/two", "link/moved"], [`${dir}/etc/two`, `${dir}/etc/moved`]);
symlinkSync("any", "link/symbolic");
row(["any", "link/symbolic"], [null, `${dir}/etc/symbolic`]);
chmodSync("link/three", 0o600);
row(["link/three"], [`${dir}/etc/three`, null]);
chownSync("link/./three", 0, 0);
row(["link/./three"], [`${dir}/etc/three`, null]);
unlinkSync("link/../link/three");
row(["link/../link/three"], [`${dir}/etc/three`, null]);
mkdirSync("link/folder");
row(["link/folder"], [`${dir}/etc/folder`, null], false);
renameSync("link/folder", "link/another");
row(["link/folder", "link/another"], [`${dir}/etc/folder`, `${dir}/etc/another`], false);
rmdirSync("link/another");
row(["link/another"], [`${dir}/etc/another`, null], false);
let deep = dir;
for (let depth = 0; depth < 70; depth += 1) deep += "/d";
mkdirSync(deep, { recursive: true });
process.chdir(deep);
const up = `${"../".repeat(70)}etc`;
renameSync(`${up}/moved`, `${up}/risen`);
row([`${up}/moved`, `${up}/risen`], [`${dir}/etc/moved`, `${dir}/etc/risen`]);
process.chdir(dir);
const { pid } = spawnSync(`${dir}/link/script`);
process.stdout.write(JSON.stringify({ rows, script: pid }));
process.exit();
