import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { type Shell, SHELLS } from "./completion.ts";
import { sakerCommand } from "./program.ts";

/** A shell's answer to a script; undefined where it is not installed. */
function ask(shell: Shell, args: readonly string[], input: string): string | undefined {
  const { status, stdout, stderr } = spawnSync(shell, args, { input, encoding: "utf8" });
  if (status === null) return undefined;
  assert.deepEqual([status, stderr], [0, ""]);
  return stdout;
}

describe("completion of the command line", () => {
  const program = sakerCommand();

  it("in bash: commands, those below them, options, and files for an option's value", (test) => {
    const complete = (...words: readonly string[]): string | undefined => {
      const list = words.map((word) => `'${word}'`).join(" ");
      const script = `${SHELLS.bash(program)}
        COMP_WORDS=(saker ${list}); COMP_CWORD=${words.length}; _saker; echo "\${COMPREPLY[*]}"`;
      return ask("bash", ["--norc"], script)?.trimEnd();
    };
    if (complete("wa") === undefined) return test.skip("needs bash");
    assert.equal(complete("wa"), "watch");
    assert.equal(complete("rules", "sch"), "schema");
    assert.equal(complete("rules", "check", "--"), "--rules --json --cost");
    assert.equal(complete("watch", "--report", ""), "");
  });

  it("in fish: the same, with what each is", (test) => {
    const complete = (line: string): string | undefined =>
      ask("fish", [], `${SHELLS.fish(program)}\ncomplete -C "${line}"`);
    if (complete("saker wa") === undefined) return test.skip("needs fish");
    assert.match(complete("saker wa") ?? "", /^watch\twatch this host: /);
    assert.match(complete("saker rules ch") ?? "", /^check\tload and validate rule files/);
    assert.match(complete("saker rules check --co") ?? "", /^--cost\twhat each rule costs/);
  });

  it("in zsh: a script that it understands", (test) => {
    if (ask("zsh", ["-f", "-n"], SHELLS.zsh(program)) === undefined) test.skip("needs zsh");
    assert.match(SHELLS.zsh(program), /^#compdef saker\n_saker\(\) \{/);
  });
});
