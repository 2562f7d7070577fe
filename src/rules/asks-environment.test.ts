import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "./load-rules.ts";

function needs(condition: string, output = "x"): boolean | undefined {
  const text = `- macro: with_env\n  condition: proc.env contains A\n- rule: r\n  desc: d\n  condition: ${condition}\n  output: "${output}"\n  priority: INFO\n`;
  return loadRules([{ name: "rules.yaml", text }], { fields: FIELDS }).rules[0]?.needsEnvironment;
}

test("a rule asks for the environment by its fields and by the event's parameters, in conditions and outputs", () => {
  const asking = [
    "evt.type = execve and proc.env contains A", "evt.type = execve and proc.aenv[1] contains A", "evt.type = execve and with_env", "evt.type = execve and not evt.arg.env contains A",
    "evt.type = execve and evt.arg[15] contains A", "evt.type = execve and tolower(evt.arg.env) contains a", "evt.type = execve and evt.args contains A", "evt.type = execve and evt.rawarg.env contains A",
  ];
  for (const condition of asking) assert.equal(needs(condition), true, condition);
  for (const output of ["%proc.env", "%evt.args", "%evt.arg.env", "%evt.arg[15] x"]) assert.equal(needs("evt.type = execve", output), true, output);
  assert.equal(needs("evt.type = ptrace and evt.args contains A", "%evt.args"), false, "of an event that starts no program");
  assert.equal(needs("evt.type = openat and proc.env contains A"), true, "of the process that opens");
  for (const condition of ["evt.type = execve and evt.arg.flags contains A", "evt.type = openat and evt.arg[1] contains A", "evt.type = execve"]) assert.equal(needs(condition, "%evt.arg.flags %proc.name"), false, condition);
});
