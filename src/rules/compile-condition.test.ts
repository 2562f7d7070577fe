import assert from "node:assert/strict";
import { test } from "node:test";
import { container, scene } from "../../test/fixtures/scenes.ts";
import { RECORD_FLAGS } from "../events/record.ts";
import { FIELDS } from "../fields/registry.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import { compileCondition } from "./compile-condition.ts";
import { FailedCheck } from "./condition-error.ts";
import { parseCondition } from "./parse-condition.ts";
import { compileRegex } from "./regex.ts";

const end = (address: string, port: number) => ({
  address: addressBytes(address) ?? new Uint8Array(4),
  port,
});
const opened = scene(
  "openat",
  { fd: 3, dirfd: -100, name: "/etc/passwd", flags: 1, mode: 0 },
  { container: container("web") },
);
const connected = scene(
  "connect",
  { res: 0, fd: 4 },
  {
    descriptor: {
      kind: "4",
      family: 2,
      protocol: 6,
      state: 1,
      local: end("10.1.2.3", 40000),
      remote: end("192.168.0.9", 443),
    },
  },
);

for (const [condition, expected] of [
  ["evt.type = openat", true],
  ["evt.type != openat", false],
  ["fd.name startswith /etc and fd.name endswith passwd", true],
  ["fd.name contains anyof (shadow, passwd)", true],
  ["fd.name contains allof (etc, shadow)", false],
  ["fd.name pmatch (/etc, /usr)", true],
  ["fd.name pmatch (/et)", false],
  ["fd.name glob /*passwd", true],
  ["fd.name iglob /ETC/*", true],
  ['fd.name regex "/etc/p[a-z]+"', true],
  ['fd.name regex "etc"', false],
  ["fd.num >= 3 and fd.num < 4", true],
  ["fd.num in (1, 2, 3)", true],
  ["proc.pname = sshd", true],
  ["proc.aname = init", true],
  ["proc.aname[2] = init", true],
  ["proc.aname[9] exists", false],
  ["not proc.aname[9] = x", true],
  ["proc.aname[9] != x", false],
  ["container.name = web and container.image.tag = 1", true],
  ["container.privileged = false", true],
  ["evt.arg.flags contains O_RDONLY", true],
  ["evt.is_open_read = true", true],
  ["tolower(proc.exe) = SH", false],
  ["toupper(proc.exe) = SH", true],
  ["len(proc.name) = 2", true],
  ["proc.name = val(proc.exe)", true],
  ["proc.name = val(proc.pname)", false],
  ['concat(proc.name, "!") = "sh!"', true],
  ["evt.num = 0", false],
  ["proc.name glob val(proc.exe)", true],
  ["proc.pname glob val(proc.name)", false],
  ["proc.exepath iglob toupper(proc.exepath)", true],
  ["proc.name in val(proc.exe)", true],
  ["proc.name in tolower(proc.exe)", false],
  ["tolower(proc.name) in val(proc.exe)", true],
  ["tolower(proc.name) in (sh)", true],
  ['concat(len(proc.name), "x") = "\\x02x"', true],
] as const) {
  test(`compileCondition() of ${condition} is ${expected} for an open`, () => {
    assert.equal(compileCondition(parseCondition(condition), FIELDS).predicate(opened), expected);
  });
}

for (const [condition, expected] of [
  ["fd.sip = 192.168.0.9", true],
  ["fd.ip = 10.1.2.3", true],
  ["fd.ip != 10.1.2.3", false],
  ["fd.ip != 10.9.9.9", true],
  ["fd.snet in (10.0.0.0/8, 192.168.0.0/16)", true],
  ["fd.net = 10.1.0.0/16", true],
  ["fd.cnet = 192.168.0.0/16", false],
  ["fd.sport = https", true],
  ["fd.port in (443)", true],
  ["fd.port != 443", false],
  ["fd.sip = ::1", false],
  ["fd.l4proto = tcp and fd.typechar = 4", true],
  ["fd.snet = 192.168.0.0/272", true],
  ["fd.snet = 10.0.0.0/256", true],
  ["fd.sport = 65979", true],
] as const) {
  test(`compileCondition() of ${condition} is ${expected} for a connection`, () => {
    assert.equal(
      compileCondition(parseCondition(condition), FIELDS).predicate(connected),
      expected,
    );
  });
}

for (const [condition, message, hint] of [
  ["proc.nmae = x", 'unknown field "proc.nmae"', 'did you mean "proc.name"?'],
  ["evt.type = opem", 'unknown event type "opem"', 'did you mean "open"?'],
  ["fd.num = x", '"x" is not a valid number', "write plain decimal digits"],
  ["fd.num contains 1", 'operator "contains" does not work on INT64', undefined],
  ["container.privileged = yes", '"yes" is not true or false', undefined],
  ["fd.snet = 10.0.0.0/33", '"10.0.0.0/33" is not an IP network', undefined],
  ["fd.snet = 10.0.0.0/8/9", '"10.0.0.0/8/9" is not an IP network', undefined],
  ["fd.sip = 010.0.0.1", '"010.0.0.1" is not an IP address', undefined],
  ["fd.sport = 99999999999", '"99999999999" is not a valid number', undefined],
  ["concat(evt.num, proc.name) = x", "concat() arguments must be strings", undefined],
  ['proc.name regex "("', undefined, undefined],
  ['proc.name regex "\\\\d"', '"\\d" is not part of POSIX expressions', undefined],
  ["proc.name = val(fd.num)", "CHARBUF cannot be compared with INT64", undefined],
  ["evt.buffer bcontains abc", '"abc" is not an even number of hexadecimal digits', undefined],
] as const) {
  test(`compileCondition() refuses ${condition}`, () => {
    assert.throws(
      () => compileCondition(parseCondition(condition), FIELDS),
      (error: unknown) =>
        error instanceof FailedCheck &&
        (message === undefined || error.message.includes(message)) &&
        (hint === undefined || error.error.hint === hint),
    );
  });
}

for (const [pattern, text, matches] of [
  ["a.b", "a\nb", false],
  ["a[^x]b", "a\nb", true],
  ["a\n^b$", "a\nb", true],
  ["(.|\n)*", "a\nb", true],
] as const) {
  test(`regex ${JSON.stringify(pattern)} ${matches ? "matches" : "does not match"} ${JSON.stringify(text)}`, () => {
    assert.equal(compileRegex(pattern)(text), matches);
  });
}

test("what compares a path that was cut holds, or does not behind not", () => {
  const cut = (text: string): boolean => {
    const shown = scene(
      "openat",
      { fd: 3, dirfd: -100, name: "/d/d/secret", flags: 1, mode: 0 },
      { context: { flags: RECORD_FLAGS.PATH_UNKNOWN } },
    );
    return shown.holds(compileCondition(parseCondition(text), FIELDS).predicate);
  };
  assert.equal(cut("fd.name = /etc/secret"), true);
  assert.equal(cut("not fd.name startswith /d/d"), true);
  assert.equal(cut("not (evt.type = close or fs.path.name startswith /d/d)"), true);
  assert.equal(cut("tolower(fd.name) = /etc/secret"), true);
  assert.equal(cut("evt.arg.name contains /etc"), true);
  // Its last part is told whole.
  assert.equal(cut("fd.name = /etc/secret and fd.filename = shadow"), false);
  assert.equal(cut("fd.name = /etc/secret and evt.type = close"), false);
  assert.equal(cut("saker.fs.is_unknown = true"), true);
});
