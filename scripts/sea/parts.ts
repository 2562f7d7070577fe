import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installLocked, type Pin } from "../locked-packages.ts";
import { isForeign, type Processor } from "../processors.ts";

const CHECKOUT = join(import.meta.dirname, "../..");

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
  const pins = { ...pinnedNode(processor), ...pinnedKoffi(processor) };
  const packages = installLocked(join(CHECKOUT, ".tools", processor.name), pins);
  return { node: join(packages, `node-linux-${processor.name}/bin/node`), koffi: koffi(packages) };
}

function pinnedNode({ name }: Processor): Readonly<Record<string, Pin>> {
  const setup = readFileSync(join(CHECKOUT, "scripts/setup"), "utf8");
  const value = (of: string): string => new RegExp(`^${of}=(\\S+)$`, "m").exec(setup)?.[1] ?? "";
  const version = value("node_version");
  if (version !== process.versions.node)
    throw new Error(
      `Cannot pack for ${name}: this is Node ${process.versions.node}, and scripts/setup names ${version}`,
    );
  const integrity = value(`${name}_integrity`);
  return { [`node-linux-${name}`]: { version, integrity } };
}

function pinnedKoffi(processor: Processor): Readonly<Record<string, Pin>> {
  const text = readFileSync(join(CHECKOUT, "package-lock.json"), "utf8");
  const name = koffiOf(processor);
  const { packages } = JSON.parse(text) as { readonly packages: Readonly<Record<string, Pin>> };
  const pin = packages[`node_modules/${name}`];
  if (pin === undefined) throw new Error(`package-lock.json does not name ${name}`);
  return { [name]: { version: pin.version, integrity: pin.integrity } };
}

function koffiOf({ name }: Processor): string {
  return `@koromix/koffi-linux-${name}`;
}
