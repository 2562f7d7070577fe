// Boots Linux kernels of Debian under qemu's own processor and lets Saker watch in there: `npm run
// kernels -- [NAME…]`. Exit code 1 when something was not seen.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { boot, type Boot } from "./boot.ts";
import { type Check, checksFor } from "./checks.ts";
import { DEBIAN_KEYRING } from "../../scripts/debian-archive.ts";
import { isForeign } from "../../scripts/processors.ts";
import { buildImage } from "./image.ts";
import { type Kernel, KERNELS, MACHINES } from "./kernels.ts";

const CACHE = fileURLToPath(new URL("../../.tools/kernels/", import.meta.url));
/** From power on to power off; a run takes a few minutes on two quiet cores, and its scenes end by themselves. */
const LIMIT_SECONDS = 3600;
const TOLD_LINES = 30;

const names = process.argv.slice(2);
const kernels = KERNELS.filter(({ name, knownProblem }) =>
  names.length === 0 ? knownProblem === undefined : names.some((part) => name.includes(part)),
);
if (kernels.length === 0)
  fail(
    `there is no kernel "${names.join(" ")}"`,
    `kernels are ${KERNELS.map(({ name }) => name).join(", ")}`,
  );
const missing = missingPackages(kernels);
if (missing.length > 0)
  fail(
    "programs are missing",
    `as root: apt-get install -y --no-install-recommends ${missing.join(" ")}`,
  );
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

let failures = 0;
for (const kernel of kernels) failures += await tryKernel(kernel).catch(tellFailure);
console.log(failures === 0 ? "all was seen" : `${failures} not seen`);
process.exitCode = failures === 0 ? 0 : 1;

/** How many of the checks failed. */
async function tryKernel(kernel: Kernel): Promise<number> {
  const log = join(CACHE, kernel.name, "console.log");
  const image = buildImage(kernel, CACHE, (root) => packOneFile(kernel, root));
  console.log(`— ${kernel.name}: Linux ${image.release}`);
  if (kernel.knownProblem !== undefined) console.log(`known: ${kernel.knownProblem}`);
  const checks = checksFor(kernel);
  const begin = performance.now();
  const { scenes, tail } = await boot(kernel, image, {
    scenes: [...new Set(checks.map(({ scene }) => scene))],
    seconds: LIMIT_SECONDS,
    log,
  });
  const failed = checks.filter((check) => !tell(check, scenes));
  const guest = scenes.get("guest");
  for (const name of new Set(failed.map(({ scene }) => scene)))
    console.log(
      [
        `what "${name}" said:`,
        ...(scenes.get(name)?.err.slice(-TOLD_LINES) ?? ["nothing: it did not run"]),
      ].join("\n      "),
    );
  if (guest?.code !== "0")
    console.log(`it did not come to its end; the last lines of its console:\n${tail}`);
  console.log(
    `${guest?.out[0] ?? "it did not start"}; ${Math.round((performance.now() - begin) / 1000)} s; its console: ${log}`,
  );
  return failed.length;
}

/** What npm run pack:sea makes for that processor. */
function packOneFile({ machine }: Kernel, root: string): void {
  const script = fileURLToPath(new URL("../../scripts/pack-sea.ts", import.meta.url));
  const args = [script, `--arch=${machine}`, join(root, "usr/bin/saker")];
  execFileSync(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
}

function tell({ scene, what, holds }: Check, scenes: Boot["scenes"]): boolean {
  const seen = scenes.get(scene);
  const isSeen = seen !== undefined && holds(seen);
  console.log(`${isSeen ? "ok  " : "BAD "}  ${scene}: ${what}`);
  return isSeen;
}

function tellFailure(thrown: unknown): number {
  console.error(`kernels: error: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  return 1;
}

/** Debian's packages of the programs that are not here. */
function missingPackages(kernels: readonly Kernel[]): string[] {
  const programs: (readonly [string, string])[] = [
    ["apt-get", "apt"],
    ["dpkg-deb", "dpkg"],
    ["cpio", "cpio"],
    ["find", "findutils"],
    ["timeout", "coreutils"],
    ["xz", "xz-utils"],
  ];
  for (const { machine } of kernels) {
    const { qemu, qemuPackage, triplet } = MACHINES[machine];
    const strip = isForeign(MACHINES[machine])
      ? ([`${triplet}-strip`, `binutils-${triplet.replace("_", "-")}`] as const)
      : (["strip", "binutils"] as const);
    programs.push([qemu, qemuPackage], strip);
  }
  const isThere = (program: string): boolean =>
    (process.env["PATH"] ?? "")
      .split(delimiter)
      .some((folder) => existsSync(join(folder, program)));
  const packages = programs.filter(([program]) => !isThere(program)).map(([, name]) => name);
  return [
    ...new Set([...packages, ...(existsSync(DEBIAN_KEYRING) ? [] : ["debian-archive-keyring"])]),
  ];
}

function fail(state: string, hint: string): never {
  console.error(`kernels: error: Cannot run: ${state}\nkernels: hint: ${hint}`);
  process.exit(2);
}
