import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isForeign, type Processor } from "../processors.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const NPM_MS = 300_000;

/** Paths of what others made for one processor, which the one file is made of. */
export interface Parts {
  readonly node: string;
  /** koffi's native module. */
  readonly koffi: string;
}

/**
 * This machine's own, or those for another processor, which npm brings into `.tools` with the digests
 * that scripts/setup and package-lock.json name. Throws where npm cannot, and where this is another
 * Node than scripts/setup names: what it makes is for its own version.
 */
export function partsFor(processor: Processor): Parts {
  const koffi = (packages: string): string =>
    join(packages, koffiOf(processor), `linux_${processor.name}/koffi.node`);
  if (!isForeign(processor))
    return { node: process.execPath, koffi: koffi(join(CHECKOUT, "node_modules")) };
  const folder = join(CHECKOUT, ".tools", processor.name);
  const packages = join(folder, "node_modules");
  fetchParts(folder, processor);
  return { node: join(packages, `node-linux-${processor.name}/bin/node`), koffi: koffi(packages) };
}

/** Does nothing where the lock is as it was. */
function fetchParts(folder: string, processor: Processor): void {
  const pinned = { ...pinnedNode(processor), ...pinnedKoffi(processor) };
  const dependencies = Object.fromEntries(
    Object.entries(pinned).map(([path, { version }]) => [
      path.replace("node_modules/", ""),
      version,
    ]),
  );
  const packages = { "": { dependencies }, ...pinned };
  const lock = JSON.stringify({ lockfileVersion: 3, packages });
  const stamp = join(folder, "node_modules/.saker-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ dependencies }));
  writeFileSync(join(folder, "package-lock.json"), lock);
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  execFileSync("npm", ["ci", "--prefix", folder, ...options], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: NPM_MS,
  });
  writeFileSync(stamp, lock);
}

/** Of a lock file: the packages that npm takes with these digests alone. */
type Pinned = Readonly<Record<string, { readonly version: string; readonly integrity: string }>>;

function pinnedNode({ name }: Processor): Pinned {
  const setup = readFileSync(join(CHECKOUT, "scripts/setup"), "utf8");
  const value = (of: string): string => new RegExp(`^${of}=(\\S+)$`, "m").exec(setup)?.[1] ?? "";
  const version = value("node_version");
  if (version !== process.versions.node)
    throw new Error(
      `Cannot pack for ${name}: this is Node ${process.versions.node}, and scripts/setup names ${version}`,
    );
  const integrity = value(`${name}_integrity`);
  return { [`node_modules/node-linux-${name}`]: { version, integrity } };
}

function pinnedKoffi(processor: Processor): Pinned {
  const text = readFileSync(join(CHECKOUT, "package-lock.json"), "utf8");
  const path = `node_modules/${koffiOf(processor)}`;
  const { packages } = JSON.parse(text) as { readonly packages: Pinned };
  const pinned = packages[path];
  if (pinned === undefined) throw new Error(`package-lock.json does not name ${path}`);
  return { [path]: { version: pinned.version, integrity: pinned.integrity } };
}

function koffiOf({ name }: Processor): string {
  return `@koromix/koffi-linux-${name}`;
}
