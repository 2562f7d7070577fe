import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { sakerCommand } from "../src/cli/program.ts";
import { manPages } from "./man-pages.ts";

describe("manPages()", () => {
  const pages = manPages(sakerCommand());

  it("makes a page of the program and of each command, with what is below it", () => {
    assert.ok(pages.get("saker.1")?.includes(".It Xr saker-watch 1\n"));
    assert.ok(pages.get("saker-watch.1")?.includes(".It Fl o , Fl \\-override Ar key=value\n"));
    assert.ok(pages.get("saker-rules.1")?.includes(".Ss check\n.Nm saker rules check\n"));
  });

  it("makes what mandoc -Tlint finds no fault with", (test) => {
    for (const [name, text] of pages) {
      const { status, stdout } = spawnSync("mandoc", ["-Tlint"], { input: text, encoding: "utf8" });
      if (status === null) return test.skip("needs mandoc");
      // Our pages are found by each other once they are installed.
      const said = stdout
        .split("\n")
        .filter((line) => line !== "" && !/not found: Xr saker/.test(line));
      assert.deepEqual(said, [], name);
    }
  });
});
