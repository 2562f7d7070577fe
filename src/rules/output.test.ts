import assert from "node:assert/strict";
import { test } from "node:test";
import { CapturedHost } from "../../test/fixtures/captured-events.ts";
import { eventType } from "../events/schema.ts";
import { compileCondition } from "./compile-condition.ts";
import { parseCondition } from "./parse-condition.ts";
import { container, scene } from "../../test/fixtures/scenes.ts";
import { FIELDS } from "../fields/registry.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import { ConditionError } from "./condition-error.ts";
import { compileOutput, outputFields, renderOutput } from "./output.ts";

const end = (address: string, port: number) => ({
  address: addressBytes(address) ?? new Uint8Array(4),
  port,
});
const opened = scene(
  "openat",
  { fd: 3, dirfd: -100, name: "/etc/pass\xffwd", flags: 1, mode: 0, dev: 0x2d },
  { container: container("web"), timestamp: 1_700_000_000_123_456_789n },
);
const connected = scene(
  "connect",
  { res: 0, fd: 4 },
  {
    descriptor: {
      kind: "6",
      family: 10,
      protocol: 6,
      state: 1,
      local: end("::1", 40000),
      remote: end("2001:db8::9", 443),
    },
  },
);

for (const [output, shown, text] of [
  ["%proc.name and %proc.pname", opened, "sh and sshd"],
  ["%proc.name. %proc.name: %proc.name[0] %proc.name.x", opened, "sh. sh: sh[0] sh.x"],
  ["%proc.nameand%proc.pid.%proc.pnamex", opened, "shand100.sshdx"],
  ["*%fd.sport/%fd.sip", opened, "<NA>/<NA>"],
  ["%proc.name %fd.sport end", opened, "sh "],
  ["%5proc.name|%1proc.name|", opened, "sh   |s|"],
  ["%fd.sip:%fd.sport %fd.lip %fd.types", connected, "2001:db8::9:443 ::1 "],
  ["%toupper( basename(proc.exepath) )", opened, "SH"],
  ['%join("-", (proc.name, proc.pname, "x"))', opened, "sh-sshd-x"],
  ["%proc.aname %proc.apid", opened, "sshd init 100"],
  [
    "%fd.dev %container.privileged %user.uid %evt.rawtime",
    opened,
    "2D false 33 1700000000123456789",
  ],
] as const) {
  test(`renderOutput() of ${output}`, () => {
    assert.equal(renderOutput(compileOutput(output, FIELDS), shown), text);
  });
}

test("renderOutput() prints what is no UTF-8 as a replacement character", () => {
  const shown = scene("chdir", { res: 0, path: Uint8Array.from([0x2f, 0xff, 0]) });
  assert.equal(renderOutput(compileOutput("%evt.arg.path", FIELDS), shown), "/\ufffd");
});

test("outputFields() keeps numbers as numbers, says null for what is missing, and leaves out what was transformed", () => {
  const template = compileOutput(
    "*%proc.pid %fd.sport %toupper(proc.name) %container.privileged %fd.name %evt.rawtime",
    FIELDS,
  );
  assert.deepEqual(outputFields(template, opened), {
    "proc.pid": 100,
    "fd.sport": null,
    "proc.name": "sh",
    "container.privileged": false,
    "fd.name": "/etc/pass\xffwd",
    "evt.rawtime": 1700000000123456789n,
  });
});

for (const [output, message, start] of [
  ["a %proc.nmae", 'unknown field "proc.nmae"', 2],
  ["100% sure", '"%" names no field', 3],
  ["a %", "an output cannot end with %", 2],
  ["a %5", "an output cannot end with a number behind %", 2],
  ["%toupper(fd.num)", "toupper() does not work on INT64", 1],
  ["%toupper(proc.name", 'expected ")", found the end', 18],
  ["%container.mount", 'field "container.mount" needs an argument', 1],
] as const) {
  test(`compileOutput() refuses ${output}`, () => {
    assert.throws(
      () => compileOutput(output, FIELDS),
      (error: unknown) =>
        error instanceof ConditionError && error.message === message && error.start === start,
    );
  });
}

test("outputFields() has a text for what prints in hexadecimal digits, and numbers otherwise", () => {
  const fields = outputFields(compileOutput("%fd.dev %fd.num %evt.rawarg.dev", FIELDS), opened);
  assert.deepEqual(fields, { "fd.dev": "2D", "fd.num": 3, "evt.rawarg.dev": "2D" });
});

test("a raw number that came without any bytes prints as 0, and equals nothing", () => {
  const host = new CapturedHost();
  const params = eventType("execve").params.map(({ type }) => (type === "CHARBUF" ? "" : null));
  const started = host.show("execve", 1, 0, "", ...params.slice(2));
  assert.equal(
    renderOutput(compileOutput("%evt.rawarg.pgid %evt.rawarg.flags", FIELDS), started),
    "0 0",
  );
  const equals = compileCondition(parseCondition("evt.rawarg.pgid = 0"), FIELDS);
  assert.equal(equals.predicate(started), false);
});
