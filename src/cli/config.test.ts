import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { saker } from "../../test/fixtures/saker.ts";

function scratch(
  t: { after(fn: () => void): void },
  files: Readonly<Record<string, string>>,
): string {
  const folder = mkdtempSync(join(tmpdir(), "saker-config-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "config.d"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

test("config print shows what holds and where it is from, without passwords", async (t) => {
  const cwd = scratch(t, {
    "falco.yaml":
      'config_files: [config.d]\npriority: "${P}"\njson_output: true\nrules: [{disable: {tag: a}}]\n',
    "config.d/b.yaml": "rules: [{enable: {rule: x}}]\n",
    "config.d/a.yaml": "json_output: false\nhttp_output: {url: 'https://me:secret@h/'}\n",
    "config.d/ignored.txt": "json_output: [\n",
  });
  const { code, out, err } = await saker(
    ["config", "print", "falco.yaml", "-o", "output_timeout=7"],
    { cwd, env: { P: "warning" } },
  );
  assert.equal(code, 0, err);
  assert.match(out, /^priority: "Warning" {2}# falco.yaml:2$/m);
  assert.match(out, /^json_output: false {2}# config.d\/a.yaml:1$/m);
  assert.match(
    out,
    /^rules: \[\{"action":"disable".*\{"action":"enable".* {2}# config.d\/b.yaml:1$/m,
  );
  assert.match(out, /^output_timeout: 7 {2}# -o output_timeout=7$/m);
  assert.match(out, /^rule_matching: "first" {2}# default$/m);
  assert.match(out, /^http_output.url: "https:\/\/\*\*\*@h\/" {2}#/m);
  const json = JSON.parse((await saker(["config", "print", "--json"], { cwd })).out);
  assert.equal(json["file_output.filename"], "./events.txt");
});

test("config check ends with 0, 1 with notes, and 2 with every error and its place", async (t) => {
  const cwd = scratch(t, {
    "good.yaml": "priority: info\n",
    "noted.yaml": "prority: info\n",
    "wrong.yaml": "priority: loud\njson_output: 5\n",
  });
  const printed = await saker(["config", "print", "-o", "json_outpt=true"], { cwd });
  assert.match(printed.err, /there is no key "json_outpt", did you mean "json_output"\?/);
  const lost = await saker(["config", "check", "good.yaml", "-o", "rules_files[]=no.yaml"], {
    cwd,
  });
  assert.equal(lost.code, 2);
  assert.match(lost.err, /Cannot load rules from "no.yaml"/);
  const good = await saker(["config", "check", "good.yaml"], { cwd });
  assert.deepEqual([good.code, good.out], [0, "good.yaml: ok\n"]);
  const noted = await saker(["config", "check", "noted.yaml"], { cwd });
  assert.equal(noted.code, 1);
  assert.match(noted.out, /noted.yaml:1: there is no key "prority", did you mean "priority"\?/);
  const wrong = await saker(["config", "check", "wrong.yaml"], { cwd });
  assert.equal(wrong.code, 2);
  assert.match(
    wrong.err,
    /wrong.yaml:1:11": "priority" must be one of[^]*wrong.yaml:2:14": "json_output"/,
  );
});

test("config schema names every section and key", async () => {
  const { out } = await saker(["config", "schema"]);
  const schema = JSON.parse(out);
  assert.equal(schema.properties.file_output.properties.filename.default, "./events.txt");
  assert.equal(schema.properties.outputs_queue.properties.capacity.maximum, 10_000_000);
  assert.equal(schema.additionalProperties, false);
});

test("an unknown field of append_output is one error with its own place, not one for each rule", async (t) => {
  // The shape of sysdiglabs' and others' values: a field that Falco dropped.
  const cwd = scratch(t, {
    "falco.yaml": `static_fields: {site: here}
append_output:
  - extra_output: "site=%static.site node=%k8s.nod.name"
  - match: {source: k8s_audit}
    extra_output: "%ka.user.name"
  - match: {rule: X}
    extra_fields: [proc.nosuch, {who: "%user.nam"}]
`,
  });
  for (const args of [
    ["config", "check"],
    ["replay", "/dev/null", "--config"],
  ]) {
    const { code, err } = await saker([...args, "falco.yaml"], { cwd });
    assert.equal(code, 2, err);
    assert.match(
      err,
      /^saker: error: Cannot use configuration "falco.yaml:3:19": "append_output" is for no output: .*k8s.nod.name/,
    );
    assert.equal(err.match(/is for no output/g)?.length, 3, err);
    assert.match(err, /falco.yaml:7:20": .*proc.nosuch/);
    assert.doesNotMatch(err, /saker_rules.yaml|ka\.user/);
  }
});
