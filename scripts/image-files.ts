import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

const CHECKOUT = join(import.meta.dirname, "..");

/**
 * Gathers what stands in our image below `root`, from this machine alone: the Node that runs this,
 * its libraries, busybox where it is installed, certificates of authorities, and this checkout with
 * the packages that run in production. Throws where a file cannot be copied.
 */
export function gatherImageFiles(root: string): void {
  const folders = ["dev", "etc", "proc", "report", "root", "run", "sys", "tmp", "var/log"];
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files dns\n");
  putFalcoFolder(mkdir(root, "etc/falco"));
  symlinkSync("/saker/bin/saker", join(mkdir(root, "usr/bin"), "saker"));
  putProgram(root, process.execPath, "/usr/bin/node");
  putBusybox(root);
  if (existsSync(AUTHORITIES)) put(root, AUTHORITIES, AUTHORITIES);
  putCheckout(join(root, "saker"));
}

/** The files of Falco's own image that users mount theirs over. */
function putFalcoFolder(folder: string): void {
  const rules = ["falco_rules.yaml", "falco_rules.local.yaml", "rules.d"];
  const paths = rules.map((name) => `/etc/falco/${name}`).join(", ");
  writeFileSync(
    join(folder, "falco.yaml"),
    `# A falco.yaml or saker.yaml of yours goes here.\nrules_files: [${paths}]\n`,
  );
  symlinkSync("/saker/rules/saker_rules.yaml", join(folder, "falco_rules.yaml"));
  writeFileSync(
    join(folder, "falco_rules.local.yaml"),
    "# Rules of yours go here, or into rules.d.\n",
  );
  mkdirSync(join(folder, "rules.d"));
}

function putCheckout(to: string): void {
  const parts = ["package.json", "LICENSE", "bin", "src", "rules", "scripts/node24", "dist/ui"];
  for (const part of [
    ...parts,
    `probe/saker.${process.arch}.bpf.o`,
    `probe/saker-rawtp.${process.arch}.bpf.o`,
    ...packages(),
  ])
    cpSync(join(CHECKOUT, part), join(to, part), {
      recursive: true,
      filter: (path) => !path.endsWith(".test.ts"),
    });
}

/** Folders of the packages that run in production, as far as they are for this machine. */
function packages(): string[] {
  const lock = JSON.parse(readFileSync(join(CHECKOUT, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== "" && dev !== true && existsSync(join(CHECKOUT, path)))
    .map(([path]) => path);
}

/** For program_output, and for whoever wants a shell in the container. */
function putBusybox(root: string): void {
  const busybox = BUSYBOXES.find((path) => existsSync(path));
  if (busybox === undefined) return;
  putProgram(root, busybox, "/bin/busybox");
  const applets = execFileSync(busybox, ["--list"], { encoding: "utf8" }).split("\n");
  for (const applet of applets.filter((name) => name !== "" && name !== "busybox"))
    symlinkSync("busybox", join(root, "bin", applet));
}

/**
 * Copies a program below `root`, with the libraries and the loader that ldd names; a static one has
 * none.
 */
export function putProgram(root: string, from: string, to: string): void {
  put(root, from, to);
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
