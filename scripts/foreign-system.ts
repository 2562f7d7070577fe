import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DebianArchive } from "./debian-archive.ts";
import type { Processor } from "./processors.ts";

const CHECKOUT = join(import.meta.dirname, "..");
/** Debian's release. */
const SUITE = "bookworm";
const PACKAGES = ["libc6", "libgcc-s1", "libstdc++6", "busybox-static"];

/** Programs and libraries of Debian for another processor than this machine's. */
export interface ForeignSystem {
  readonly processor: Processor;
  readonly root: string;
}

/**
 * Downloads what our image takes, and unpacks it below `root`. Throws where there is no apt, or the
 * archive is not reached.
 */
export function foreignSystem(processor: Processor, root: string): ForeignSystem {
  const folder = join(CHECKOUT, ".tools", processor.name, "debian");
  mkdirSync(root, { recursive: true });
  const archive = new DebianArchive({ folder, suite: SUITE, architecture: processor.debian });
  archive.unpack(PACKAGES, root);
  return { processor, root };
}

/**
 * Paths within the system of what ldd would name there: a program's loader, and the libraries that
 * it and they need. Throws where one is not there.
 */
export function foreignLibraries(system: ForeignSystem, program: string): readonly string[] {
  const found = new Set<string>();
  for (let pending = [program]; pending.length > 0;) {
    const next = pending.flatMap((path) => neededBy(system, path)).filter((it) => !found.has(it));
    for (const path of next) found.add(path);
    pending = [...new Set(next)].map((path) => join(system.root, path));
  }
  return [...found];
}

function neededBy({ root, processor }: ForeignSystem, program: string): readonly string[] {
  const args = ["--wide", "--program-headers", "--dynamic", program];
  const text = execFileSync("readelf", args, { encoding: "utf8" });
  const needed = text.matchAll(/program interpreter: (\S+)\]|\(NEEDED\).*\[(\S+)\]/g);
  return Array.from(needed, ([, loader, library = ""]) => {
    const places = FOLDERS.map((folder) => join(folder, processor.triplet, library));
    const place = loader ?? places.find((path) => existsSync(join(root, path)));
    if (place === undefined) throw new Error(`Cannot find ${library}, which ${program} needs`);
    return place;
  });
}

const FOLDERS = ["/lib", "/usr/lib"];
