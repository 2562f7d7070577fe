import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { saker } from "../../test/fixtures/saker.ts";

const CAPTURE = join(process.cwd(), "../shared/captures/open-multiple-files.scap");

describe("saker falco", () => {
  let cwd: string;
  before(() => {
    cwd = mkdtempSync(join(tmpdir(), "saker-falco-"));
    const rule = "- rule: Opened\n  desc: a file\n  priority: WARNING\n  tags: [t]\n";
    writeFileSync(
      join(cwd, "rules.yaml"),
      `${rule}  condition: evt.type in (open, openat)\n  output: "opened %fd.name"\n`,
    );
    writeFileSync(join(cwd, "bad.yaml"), "- rule: X\n");
    writeFileSync(join(cwd, "falco.yaml"), "rules_files: [rules.yaml]\n");
  });
  after(() => rmSync(cwd, { recursive: true, force: true }));
  const falco = (...args: readonly string[]) =>
    saker(["falco", "-c", "falco.yaml", ...args], { cwd });

  it("says of each file of -V whether it is valid, in Falco's words and in its JSON", async () => {
    const text = await falco("-V", "rules.yaml", "-V", "bad.yaml");
    assert.equal(text.code, 1);
    assert.match(text.out, /^rules.yaml: Ok\nbad.yaml: Invalid\nbad.yaml:1:9: error/);
    const json = await falco("-V", "rules.yaml", "-L", "-o", "json_output=true");
    assert.equal(json.code, 0);
    const { falco_load_results: loaded, falco_describe_results: described } = JSON.parse(json.out);
    assert.equal(loaded[0].successful, true);
    assert.equal(described.rules[0].info.name, "Opened");
  });

  it("prints rules by -L and -l, versions, and loads alone by --dry-run", async () => {
    assert.match((await falco("-L")).out, /^Rule +Description\nOpened +a file\n$/);
    assert.match((await falco("-l", "opened")).out, /Opened/);
    assert.match((await falco("--version")).out, /^Saker version: \d/);
    assert.match((await falco("--dry-run", "-pk", "-U")).out, /rules that load: 1/);
    assert.equal((await falco("-r", "bad.yaml", "--dry-run")).code, 2);
    const beside = ["-k", "http://a", "-r", "rules.yaml", "-o", "rules_files[]=/none.yaml"];
    const told = await falco("--dry-run", ...beside);
    assert.match(told.err, /^-k, --k8s-api <url> has no effect: /m);
    // `-r` stands for what the configuration names.
    assert.doesNotMatch(told.err, /rules_files/);
  });

  it("refuses what it cannot do and names what has no effect", async () => {
    for (const [args, message] of [
      [["-d"], /Cannot use "-d, --daemon"/],
      [["--gvisor-config=/x"], /sees no calls within gVisor/],
      [["--plugin-info", "x"], /Saker loads no plug-ins/],
      [["--disable-source", "syscall"], /at least one must be enabled/],
      [["--enable-source", "k8s_audit"], /there is no source "k8s_audit"/],
      [["--enable-source", "syscall", "--disable-source", "syscall"], /do not go together/],
      [["--no-such-option"], /unknown option/],
      [["-M", "soon"], /must be a number of seconds/],
    ] as const) {
      const { code, err } = await falco(...args);
      assert.equal(code, 2, args.join(" "));
      assert.match(err, message);
    }
  });

  it("replays the capture that engine.kind names, with what -p, -t and -o say", async (t) => {
    if (!existsSync(CAPTURE)) return t.skip(`${CAPTURE} is not there`);
    const replay = ["-o", "engine.kind=replay", "-o", `engine.replay.capture_file=${CAPTURE}`];
    const { code, out, err } = await falco(
      ...replay,
      "-p",
      "n=%evt.num",
      "-P",
      "pid",
      "-k",
      "http://a",
    );
    assert.equal(code, 0, err);
    assert.match(out, /Warning opened \S+ container_id=.* n=\d+$/m);
    assert.match(err, /-k, --k8s-api <url> has no effect/);
    assert.match(readFileSync(join(cwd, "pid"), "utf8"), /^\d+$/);
    const others = await falco(...replay, "-t", "other");
    assert.equal(others.out, "");
    const same = await falco("-e", CAPTURE, "-t", "t", "-o", "json_output=true");
    assert.equal(JSON.parse(same.out.split("\n")[0] ?? "").rule, "Opened");
  });
});
