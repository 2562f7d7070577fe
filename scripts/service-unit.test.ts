import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const UNIT = join(import.meta.dirname, "../deploy/systemd/saker.service");
/** Tenths: an unhardened unit has 9.6. */
const EXPOSURE_MAX = 45;

describe("deploy/systemd/saker.service", () => {
  it(`is exposed by at most ${EXPOSURE_MAX / 10}, as systemd-analyze judges it`, (test) => {
    const args = ["security", "--offline=true", `--threshold=${EXPOSURE_MAX}`, "--no-pager", UNIT];
    const { status, stdout, stderr } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
    if (status === null) return test.skip("needs systemd-analyze");
    // Before version 250 it judges no files.
    if (/unrecognized option/.test(stderr)) return test.skip("needs systemd 250");
    assert.equal(status, 0, stdout.trim().split("\n").at(-1));
  });

  it("leaves V8 its compiler", () => {
    assert.doesNotMatch(readFileSync(UNIT, "utf8"), /^MemoryDenyWriteExecute/m);
  });
});
