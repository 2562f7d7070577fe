// Packs Saker's image, without a registry and without a daemon: an archive that docker load, podman load and
// ctr images import take. `node scripts/pack-image.ts [--arch x64|arm64] [--program FILE] [--name NAME:TAG] [FILE]`;
// default packed/saker-image.tar, and packed/saker-image-ARCH.tar where it is said.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { foreignSystem } from "./foreign-system.ts";
import { gatherImageFiles } from "./image-files.ts";
import { writeImageLayout } from "./oci-archive.ts";
import { targetOf, tellPacked } from "./packing.ts";
import { isForeign, processorOf } from "./processors.ts";
import { sourceDate } from "./source-date.ts";

const CHECKOUT = join(import.meta.dirname, "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    arch: { type: "string" },
    program: { type: "string" },
    name: { type: "string", default: "saker:latest" },
  },
});
const processor = processorOf(values.arch);
const file = values.arch === undefined ? "saker-image.tar" : `saker-image-${processor.name}.tar`;
const target = targetOf(positionals, join(CHECKOUT, "packed", file));
// Whoever packs may keep files for themselves; the image's are for all.
process.umask(0o022);

const folder = mkdtempSync(join(tmpdir(), "saker-image-"));
try {
  const program = values.program ?? join(folder, "saker");
  if (values.program === undefined)
    execFileSync(
      process.execPath,
      [join(CHECKOUT, "scripts/pack-sea.ts"), `--arch=${processor.name}`, program],
      { stdio: ["ignore", 2, 2] },
    );
  const created = sourceDate();
  const system = isForeign(processor)
    ? foreignSystem(processor, join(folder, "system"))
    : undefined;
  gatherImageFiles(join(folder, "root"), program, system);
  const layer = join(folder, "layer.tar");
  tar(join(folder, "root"), layer, created);
  writeImageLayout(join(folder, "image"), readFileSync(layer), {
    name: values.name,
    architecture: processor.debian,
    created,
    environment: ["PATH=/usr/bin:/bin", "HOME=/root", "MALLOC_ARENA_MAX=1"],
    entrypoint: ["/usr/bin/saker"],
    command: ["watch", "--config", "/etc/falco/falco.yaml"],
  });
  mkdirSync(dirname(target), { recursive: true });
  tar(join(folder, "image"), target, created);
  tellPacked(target, processor);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The same bytes for the same files, whoever owns them and whenever they were made. */
function tar(root: string, to: string, date: Date): void {
  const time = `--mtime=@${Math.floor(date.getTime() / 1000)}`;
  const same = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=ustar", time];
  execFileSync("tar", [...same, "--create", "--file", to, "--directory", root, "."]);
}
