import { statSync } from "node:fs";
import { type Processor, PROCESSORS } from "./processors.ts";

/**
 * Where a pack-*.ts is to write: what its command line names beside its options, or `byDefault`.
 * Throws for a second one, and for a processor's name, which would be a file called so.
 */
export function targetOf(positionals: readonly string[], byDefault: string): string {
  const [target = byDefault, ...others] = positionals;
  const arch = Object.keys(PROCESSORS).find((name) => name === target);
  if (arch !== undefined)
    throw new Error(
      `Cannot pack to "${arch}": that is a processor; write --arch ${arch} (with npm: -- --arch ${arch}) to pack for it, or ./${arch} for a file of that name`,
    );
  if (others.length > 0)
    throw new Error(`Cannot pack to "${[target, ...others].join('" and "')}": name one place`);
  return target;
}

/** Tells whoever packs what was made; the path alone is data. */
export function tellPacked(path: string, { name }: Processor): void {
  const megabytes = (statSync(path).size / 1e6).toFixed(1);
  console.error(`packed for ${name}, ${megabytes} MB:`);
  console.log(path);
}
