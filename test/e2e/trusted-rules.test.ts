import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { saker } from "../fixtures/saker.ts";

const folder = mkdtempSync(join(tmpdir(), "saker-e2e-trusted-"));
after(() => rmSync(folder, { recursive: true }));
const FOUND = join(folder, "falco_custom_rules.yaml");
const skip = process.getuid?.() === 0 ? false : "needs root, to give files away and to watch";

describe("rules that others may write", { skip }, () => {
  test("are not loaded where they were only found", async () => {
    writeFileSync(FOUND, "- list: mine\n  items: [a]\n");
    chownSync(FOUND, 12_345, 12_345);
    const list = ["rules", "list"];
    const refused = await saker(list, { cwd: folder });
    assert.equal(refused.code, 2);
    assert.match(
      refused.err,
      /falco_custom_rules.yaml": it belongs to user 12345\n.*hint: it was found/,
    );
    chownSync(FOUND, 0, 0);
    chmodSync(FOUND, 0o666);
    assert.match((await saker(list, { cwd: folder })).err, /may be written to by everybody/);
    chmodSync(FOUND, 0o644);
    const loaded = await saker(list, { cwd: folder });
    assert.equal(loaded.code, 0, loaded.err);
  });

  test("are loaded with a word where they were named, as is a configuration", async () => {
    const rules = join(folder, "rules.yaml");
    const config = join(folder, "falco.yaml");
    writeFileSync(
      rules,
      "- rule: R\n  desc: d\n  condition: evt.type = setns\n  output: o\n  priority: DEBUG\n",
    );
    writeFileSync(config, "json_output: true\n");
    for (const path of [rules, config]) chownSync(path, 12_345, 12_345);
    const watch = ["watch", "--source", "sockets", "--rules", rules, "--config", config];
    const { code, err } = await saker([...watch, "--duration", "10ms"], { cwd: folder });
    assert.equal(code, 0, err);
    for (const path of [rules, config])
      assert.match(
        err,
        new RegExp(`warning: ${path} decides what is watched, and it belongs to user`),
      );
    assert.match(err, new RegExp(`rules from ${rules}\n`));
  });
});
