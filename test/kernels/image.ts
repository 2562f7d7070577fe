import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DebianArchive } from "../../scripts/debian-archive.ts";
import { type Kernel, MACHINES } from "./kernels.ts";

/** What qemu needs to boot. */
export interface Image {
  readonly kernel: string;
  readonly initramfs: string;
  /** As uname -r will say. */
  readonly release: string;
}

/**
 * Fetches what is missing and packs a whole system that lives in memory: kernel modules, C library,
 * busybox, Node, Saker, and what `add` puts below its root.
 */
export function buildImage(
  kernel: Kernel,
  cache: string,
  add: (root: string) => void = () => {},
): Image {
  const { debian: architecture, triplet } = MACHINES[kernel.machine];
  const archive = (suite: string) =>
    new DebianArchive({ folder: join(cache, `${suite}-${architecture}`), suite, architecture });
  const [unpacked, root, initramfs] = [
    join(cache, kernel.name, "kernel"),
    join(cache, kernel.name, "root"),
    join(cache, kernel.name, "initramfs"),
  ];
  for (const folder of [unpacked, root]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  const kernels = archive(kernel.suite);
  const packages = kernels.dependenciesOf(kernel.package, "linux-image-");
  // From Debian 14 on a kernel has several.
  kernels.unpack(
    packages.flatMap((name) => [
      name,
      ...kernels.dependenciesOf(name, "linux-binary-", "linux-modules-"),
    ]),
    unpacked,
  );
  const [image] = globSync(
    ["boot/vmlinu[xz]-*", "usr/lib/modules/*/vmlinuz"].map((pattern) => join(unpacked, pattern)),
  );
  const [modules] = globSync(join(unpacked, "{lib,usr/lib}/modules/*"));
  if (image === undefined || modules === undefined)
    throw new Error(`Debian's package "${kernel.package}" holds no kernel`);
  const release = basename(modules);

  archive(USERLAND).unpack(["libc6", "libgcc-s1", "libstdc++6", "busybox-static"], root);
  for (const folder of [`lib/${triplet}/gconv`, `usr/lib/${triplet}/gconv`, "usr/share"])
    rmSync(join(root, folder), { recursive: true, force: true });
  addModules(modules, join(root, "lib/modules", release));
  addSystem(root);
  addNode(kernel.machine, root, cache);
  addSaker(kernel.machine, join(root, "saker"), cache);
  add(root);
  pack(root, initramfs);
  return { kernel: image, initramfs, release };
}

/** The modules that the kernel asks for by itself when saker lists sockets. */
function addModules(from: string, to: string): void {
  const paths = globSync(
    ["inet_diag", "tcp_diag", "udp_diag"].map((name) => join(from, `**/${name}.ko*`)),
  );
  for (const path of [
    ...paths,
    ...globSync(join(from, "modules.{order,builtin,builtin.modinfo}")),
  ]) {
    const copy = join(to, path.slice(from.length));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(path, copy);
    if (copy.endsWith(".xz")) execFileSync("xz", ["-d", copy]);
  }
}

function addSystem(root: string): void {
  for (const name of ["dev", "proc", "sys", "tmp", "root", "etc", "sbin", "usr/bin", "usr/sbin"])
    mkdirSync(join(root, name), { recursive: true });
  writeFileSync(
    join(root, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  );
  writeFileSync(join(root, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
  writeFileSync(join(root, "etc/shadow"), "root:*:19000:0:99999:7:::\n");
  writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n");
  symlinkSync("/bin/busybox", join(root, "bin/sh"));
  copyFileSync(join(HERE, "guest/init"), join(root, "init"));
  chmodSync(join(root, "init"), 0o755);
}

/**
 * Node as npm has it, since that is what scripts/setup brings: the checkout's own where it fits.
 */
function addNode(machine: string, root: string, cache: string): void {
  const name = `node-linux-${machine}`;
  const own = join(CHECKOUT, ".tools/node_modules", name, "bin/node");
  const folder = join(cache, name);
  const fetched = join(folder, "node_modules", name, "bin/node");
  if (!existsSync(own) && !existsSync(fetched))
    npm(folder, "install", "--force", `--cpu=${machine}`, `${name}@${process.versions.node}`);
  copyFileSync(existsSync(own) ? own : fetched, join(root, "usr/bin/node"));
}

/**
 * The checkout as it stands, tests of the probe included, and what it depends on, for that
 * processor.
 */
function addSaker(machine: string, to: string, cache: string): void {
  for (const name of [
    "bin",
    "src",
    "probe",
    "rules",
    "scripts",
    "test/fixtures",
    "test/kernels/guest",
    "package.json",
  ])
    cpSync(join(CHECKOUT, name), join(to, name), { recursive: true });
  const folder = join(cache, `dependencies-${machine}`);
  const lock = readFileSync(join(CHECKOUT, "package-lock.json"), "utf8");
  const stamp = join(folder, "node_modules/.saker-lock");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
    mkdirSync(folder, { recursive: true });
    for (const name of ["package.json", "package-lock.json"])
      copyFileSync(join(CHECKOUT, name), join(folder, name));
    npm(folder, "ci", "--omit=dev", "--os=linux", `--cpu=${machine}`);
    writeFileSync(stamp, lock);
  }
  cpSync(join(folder, "node_modules"), join(to, "node_modules"), { recursive: true });
}

function npm(folder: string, ...args: string[]): void {
  mkdirSync(folder, { recursive: true });
  execFileSync(
    "npm",
    [
      ...args,
      "--prefix",
      folder,
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
    ],
    { cwd: folder, stdio: ["ignore", "ignore", "inherit"], timeout: NPM_MS },
  );
}

/** Everything belongs to root, whoever packs. */
function pack(root: string, to: string): void {
  const names = execFileSync("find", ["."], { cwd: root, maxBuffer: 1 << 26 });
  const out = openSync(to, "w");
  execFileSync("cpio", ["--create", "--quiet", "--format=newc", "--owner=+0:+0"], {
    cwd: root,
    input: names,
    stdio: ["pipe", out, "inherit"],
  });
  closeSync(out);
}

const HERE = import.meta.dirname;
const CHECKOUT = fileURLToPath(new URL("../../", import.meta.url));
/** Debian's release of C library and busybox: one for all kernels. */
const USERLAND = "bookworm";
const NPM_MS = 300_000;
