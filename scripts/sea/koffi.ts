// In the place of the package `koffi` within a one-file program: its native module comes out of the
// program. The loader takes files alone, so it gets one without a name: nothing is left on disk, and
// nobody else can have written it.
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError, messageOf } from "../../src/lib/errors.ts";
import { PROGRAM, readShipped } from "../../src/shipped/shipped-files.ts";

const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
/** Where files may be, and may be run. */
const FOLDERS: readonly string[] = [tmpdir(), "/dev/shm", "/run", "/var/tmp", "."];

function loadNative(): unknown {
  const bytes = readShipped(join(PROGRAM, "koffi.node"));
  const problems: string[] = [];
  for (const folder of FOLDERS) {
    let file: number | undefined;
    try {
      file = openSync(folder, O_TMPFILE | constants.O_RDWR, 0o700);
      for (let done = 0; done < bytes.length;)
        done += writeSync(file, bytes, done, bytes.length - done);
      const module = { exports: {} };
      process.dlopen(module, `/proc/self/fd/${file}`);
      return module.exports;
    } catch (thrown) {
      problems.push(`${folder}: ${messageOf(thrown)}`);
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }
  throw new AppError(
    "KERNEL_NO_LIBRARY",
    `Cannot load the part of Saker that calls the C library: ${problems.join("; ")}`,
    { hint: "it takes /proc, and a folder where programs may be run: set TMPDIR" },
  );
}

// oxlint-disable-next-line import/no-default-export -- as the package has it
export default loadNative();
