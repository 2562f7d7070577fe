import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const NPM_MS = 300_000;

/** What npm takes of a package and nothing else: its version, and the digest of its archive. */
export interface Pin {
  readonly version: string;
  /** As package-lock.json has it. */
  readonly integrity: string;
}

/**
 * Packages by name, without what they depend on, in a folder of their own; where they are as pinned
 * already, nothing is done. Returns the path of the folder that holds them. Throws where npm cannot.
 */
export function installLocked(folder: string, pins: Readonly<Record<string, Pin>>): string {
  const names = Object.entries(pins);
  const dependencies = Object.fromEntries(names.map(([name, { version }]) => [name, version]));
  const locked = Object.fromEntries(names.map(([name, pin]) => [`node_modules/${name}`, pin]));
  const packages = { "": { dependencies }, ...locked };
  const lock = JSON.stringify({ lockfileVersion: 3, packages });
  const installed = join(folder, "node_modules");
  const stamp = join(installed, ".saker-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return installed;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ dependencies }));
  writeFileSync(join(folder, "package-lock.json"), lock);
  const options = ["--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund"];
  execFileSync("npm", ["ci", "--prefix", folder, ...options, "--loglevel=error"], {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    timeout: NPM_MS,
  });
  writeFileSync(stamp, lock);
  return installed;
}

/** Why npm reaches no registry, where that is why `installLocked`, or a program by it, threw. */
export function whyNoRegistry(thrown: unknown): string | undefined {
  const { code, stderr = "" } = thrown as { readonly code?: unknown; readonly stderr?: string };
  if (code === "ENOENT") return "npm is not installed";
  const [, reason] = UNREACHED.exec(stderr) ?? [];
  return reason === undefined ? undefined : `npm reaches no registry: ${reason}`;
}

const UNREACHED =
  /npm error code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED|ENETUNREACH)/;
