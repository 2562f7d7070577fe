import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { foreignLibraries, type ForeignSystem } from "./foreign-system.ts";

const CHECKOUT = join(import.meta.dirname, "..");

/**
 * Gathers what stands in our image below `root`: the one-file program with its libraries, busybox
 * where it is installed, and certificates of authorities; from this machine alone, or programs and
 * libraries from a system of another processor. Throws where a file cannot be copied.
 */
export function gatherImageFiles(root: string, program: string, from?: ForeignSystem): void {
  const folders = ["dev", "etc", "proc", "report", "root", "run", "sys", "tmp", "var/log"];
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files dns\n");
  putFalcoFolder(mkdir(root, "etc/falco"));
  putProgram(root, program, "/usr/bin/saker", from);
  putBusybox(root, from);
  if (existsSync(AUTHORITIES)) put(root, AUTHORITIES, AUTHORITIES);
}

/** The files of Falco's own image that users mount theirs over. */
function putFalcoFolder(folder: string): void {
  const rules = ["falco_rules.yaml", "falco_rules.local.yaml", "rules.d"];
  const paths = rules.map((name) => `/etc/falco/${name}`).join(", ");
  writeFileSync(
    join(folder, "falco.yaml"),
    `# A falco.yaml or saker.yaml of yours goes here.\nrules_files: [${paths}]\n`,
  );
  copyFileSync(join(CHECKOUT, "rules/saker_rules.yaml"), join(folder, "falco_rules.yaml"));
  writeFileSync(
    join(folder, "falco_rules.local.yaml"),
    "# Rules of yours go here, or into rules.d.\n",
  );
  mkdirSync(join(folder, "rules.d"));
}

/** For program_output, and for whoever wants a shell in the container. */
function putBusybox(root: string, from?: ForeignSystem): void {
  const own = BUSYBOXES.find((path) => existsSync(path));
  const busybox =
    from === undefined
      ? own
      : BUSYBOXES.map((path) => join(from.root, path)).find((path) => existsSync(path));
  if (busybox === undefined) return;
  putProgram(root, busybox, "/bin/busybox", from);
  // Another processor's cannot say what it has.
  const applets =
    own === undefined ? ["sh"] : execFileSync(own, ["--list"], { encoding: "utf8" }).split("\n");
  for (const applet of applets.filter((name) => name !== "" && name !== "busybox"))
    symlinkSync("busybox", join(root, "bin", applet));
}

/**
 * Copies a program below `root`, with the libraries and the loader that it takes, which ldd names
 * for this machine's processor; a static one has none.
 */
export function putProgram(root: string, from: string, to: string, system?: ForeignSystem): void {
  put(root, from, to);
  if (system !== undefined) {
    for (const path of foreignLibraries(system, from)) put(root, join(system.root, path), path);
    return;
  }
  let text = "";
  try {
    text = execFileSync("ldd", [from], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return;
  }
  for (const [, library = ""] of text.matchAll(/(?:=>\s*|^\s+)(\/\S+)\s+\(0x/gm))
    put(root, library, library);
}

function put(root: string, from: string, to: string): void {
  mkdir(root, dirname(to));
  copyFileSync(from, join(root, to));
}

function mkdir(root: string, path: string): string {
  const folder = join(root, path);
  mkdirSync(folder, { recursive: true });
  return folder;
}

const AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt";
const BUSYBOXES = ["/usr/bin/busybox", "/bin/busybox"];
