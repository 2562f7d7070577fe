import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { requireReportFolder, whyNotWritable } from "./writable.ts";

const folder = mkdtempSync(join(tmpdir(), "saker-writable-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("whyNotWritable() takes what is there, and what is not there yet, and leaves nothing", () => {
  writeFileSync(join(folder, "file"), "");
  execFileSync("mkfifo", [join(folder, "fifo")]);
  for (const name of ["", "file", "later", "some/where/deeper", "fifo"])
    assert.equal(whyNotWritable(join(folder, name)), undefined, name);
  assert.equal(whyNotWritable("/dev/full"), undefined);
  assert.deepEqual(readdirSync(folder).toSorted(), ["fifo", "file"]);
});

test("whyNotWritable() says what stands against it", () => {
  writeFileSync(join(folder, "file"), "");
  assert.equal(whyNotWritable(join(folder, "file/report")), "ENOTDIR");
  assert.match(whyNotWritable("/proc/report") ?? "", /^E/);
  assert.match(whyNotWritable("/sys/report") ?? "", /^E/);
});

test("requireReportFolder() refuses what is no folder", () => {
  const file = join(folder, "no-folder");
  writeFileSync(file, "");
  for (const path of [file, join(file, "report")])
    assert.throws(() => requireReportFolder(path), {
      code: "CONFIG_REPORT",
      message: `Cannot write to report folder "${path}": it is no folder`,
    });
  mkdirSync(join(folder, "odd"));
  writeFileSync(join(folder, "odd/tls"), "");
  assert.throws(() => requireReportFolder(join(folder, "odd")), { code: "CONFIG_REPORT" });
});

test("requireReportFolder() says whose folder it is where a right is missing", (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root");
  const theirs = join(folder, "theirs");
  mkdirSync(theirs, { mode: 0o755 });
  chownSync(theirs, 65534, 65534);
  chmodSync(folder, 0o755);
  const module = JSON.stringify(join(import.meta.dirname, "writable.ts"));
  const script = `const { requireReportFolder } = await import(${module}); try { requireReportFolder(process.argv[1]); console.log("fine"); } catch (error) { console.log(error.code, error.message, error.hint); }`;
  const words = (through: readonly string[], path: string): string =>
    spawnSync(
      "setpriv",
      [...through, process.execPath, "--input-type=module", "-e", script, path],
      { encoding: "utf8" },
    ).stdout;
  const without = ["--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search"];
  assert.equal(words([], theirs), "fine\n");
  assert.equal(words(without, folder), "fine\n");
  for (const path of [theirs, join(theirs, "report")])
    assert.match(
      words(without, path),
      /^KERNEL_REPORT Cannot write to report folder "\S+": it belongs to user 65534 leave CAP_DAC_OVERRIDE /,
    );
});
