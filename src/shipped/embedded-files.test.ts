import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EmbeddedFiles } from "./embedded-files.ts";

const CONTENTS: Readonly<Record<string, string>> = {
  "package.json": "{}",
  "rules/saker_rules.yaml": "- rule: R",
  "rules/base/falco_names.yaml": "- list: L",
};
const files = new EmbeddedFiles("/usr/bin/saker", {
  getAssetKeys: () => Object.keys(CONTENTS),
  getRawAsset: (key) => new TextEncoder().encode(CONTENTS[key]).buffer,
});
const isAbsent = { code: "ENOENT" };

describe("EmbeddedFiles", () => {
  it("covers what is below the program's own path, and nothing beside it", () => {
    assert.ok(files.covers("/usr/bin/saker/rules"));
    assert.ok(files.covers("/usr/bin/../bin/saker/nothing"));
    for (const path of ["/usr/bin/saker", "/usr/bin/saker2/rules", "rules", "/usr/bin/saker/../sh"])
      assert.ok(!files.covers(path), path);
  });

  it("reads a file by its path", () => {
    const text = (path: string) => new TextDecoder().decode(files.read(path));
    assert.equal(text("/usr/bin/saker/rules/saker_rules.yaml"), "- rule: R");
    assert.equal(text("/usr/bin/saker/rules/../package.json"), "{}");
  });

  it("names a folder's files, with or without a slash at its end, and tells a file from a folder", () => {
    for (const folder of ["/usr/bin/saker/rules", "/usr/bin/saker/rules/"])
      assert.deepEqual(files.names(folder), ["saker_rules.yaml"]);
    assert.equal(files.names("/usr/bin/saker/package.json"), undefined);
  });

  it("throws ENOENT for what is not there", () => {
    assert.throws(() => files.read("/usr/bin/saker/rules/none.yaml"), isAbsent);
    assert.throws(() => files.read("/usr/bin/saker/rules"), isAbsent);
    assert.throws(() => files.names("/usr/bin/saker/none"), isAbsent);
  });
});
