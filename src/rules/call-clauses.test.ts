import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { container, scene } from "../../test/fixtures/scenes.ts";
import type { DescriptorValues, ParamValues } from "../events/encode.ts";
import {
  type Call,
  CALLER,
  callFilterOf,
  FILTERED_CODES,
  OPEN_CODES,
  passesCallFilter,
} from "../events/call-filter.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import { FIELDS } from "../fields/registry.ts";
import { callClausesOf } from "./call-clauses.ts";
import { compileCondition } from "./compile-condition.ts";
import { parseCondition } from "./parse-condition.ts";

const RUNS = Number(process.env["SAKER_FUZZ_RUNS"] ?? 3000);

const PATHS = [
  "/",
  "/etc",
  "/etc/",
  "/etc/shadow",
  "/etc/shadow2",
  "/etc/../etc/shadow",
  "//etc/shadow",
  "/etc/./shadow",
  "/etcetera",
  "/home/a/.ssh/id_rsa",
  "/x../etc",
  "etc/shadow",
  "../shadow",
  "",
  "/var/log/a b",
  "/é",
  ".",
  "./shadow",
  "x/shadow",
  "shadow/",
  "/etc/pam.d/",
  ".hidden",
  `/${"d".repeat(70)}/e`,
  `/${"d".repeat(300)}`,
];

const value = fc.constantFrom(
  "/",
  "//etc/shadow",
  "/etc//shadow",
  "//etc",
  "/etc",
  "/etc/",
  "/etc/shadow",
  "/etc/shado",
  "shadow",
  "/home",
  "/home/a/.ssh",
  "/etc/../etc",
  "..",
  "../",
  "/var/log",
  "/é",
  `/${"d".repeat(70)}`,
  `/${"d".repeat(70)}/x`,
  "",
);
const pattern = fc.constantFrom(
  "/etc*",
  "/etc/*",
  "*",
  "/*/shadow",
  "/etc/shad?w",
  "*../*",
  "/home/[ab]/*",
);
const quoted = (text: string): string => JSON.stringify(text);

const check = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("evt.is_open_read", "evt.is_open_write"),
      fc.constantFrom("=", "!="),
      fc.constantFrom("true", "false"),
    )
    .map((parts) => parts.join(" ")),
  fc
    .tuple(
      fc.constantFrom("fd.num", "evt.rawres"),
      fc.constantFrom("=", "!=", "<", "<=", ">", ">="),
      fc.constantFrom("0", "-1", "3"),
    )
    .map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constantFrom("=", "!=", "in"), fc.constantFrom("f", "d"))
    .map(([operator, kind]) => `fd.typechar ${operator} ${operator === "in" ? `(${kind})` : kind}`),
  fc
    .tuple(
      fc.constantFrom("=", "!="),
      fc.constantFrom("open", "openat", "openat2", "creat", "execve", "connect", "dup2"),
    )
    .map(([operator, name]) => `evt.type ${operator} ${name}`),
  fc
    .uniqueArray(
      fc.constantFrom(
        "open",
        "openat",
        "creat",
        "execve",
        "connect",
        "socket",
        "sendto",
        "dup2",
        "unlinkat",
      ),
      { minLength: 1 },
    )
    .map((names) => `evt.type in (${names.join(", ")})`),
  fc
    .tuple(
      fc.constantFrom(
        "fd.name",
        "fd.directory",
        "fd.nameraw",
        "fd.filename",
        "fs.path.name",
        "evt.arg.name",
      ),
      fc.constantFrom("=", "!=", "startswith", "contains", "endswith"),
      value,
    )
    .map(([field, operator, text]) => `${field} ${operator} ${quoted(text)}`),
  fc
    .tuple(
      fc.constantFrom("fd.name", "fd.directory", "fd.nameraw"),
      fc.constantFrom("in", "pmatch", "intersects"),
      fc.array(value, { minLength: 1, maxLength: 3 }),
    )
    .map(([field, operator, texts]) => `${field} ${operator} (${texts.map(quoted).join(", ")})`),
  fc
    .tuple(
      fc.constantFrom("fd.name", "fd.nameraw"),
      fc.constantFrom("glob", "startswith oneof", "in oneof"),
      pattern,
    )
    .map(([field, operator, text]) =>
      operator === "glob"
        ? `${field} glob ${quoted(text)}`
        : `${field} startswith oneof (${quoted(text)})`,
    ),
  fc
    .tuple(fc.constantFrom("=", "!=", "in"), fc.constantFrom("f", "d", "4", "6", "u", "p"))
    .map(
      ([operator, kind]) => `fd.typechar ${operator} ${operator === "in" ? `(${kind}, 4)` : kind}`,
    ),
  fc
    .tuple(fc.constantFrom("=", "!="), fc.constantFrom("ipv4", "unix", "file", "fifo"))
    .map((parts) => `fd.type ${parts.join(" ")}`),
  fc
    .tuple(
      fc.constantFrom("=", "!=", "in", "endswith"),
      fc.constantFrom("shadow", ".hidden", "a b", ""),
    )
    .map(
      ([operator, text]) =>
        `fd.filename ${operator} ${operator === "in" ? `(${quoted(text)}, su)` : quoted(text)}`,
    ),
  fc
    .tuple(fc.constantFrom("=", "!=", "startswith"), fc.constantFrom("host", "cccccccccccc", "h"))
    .map((parts) => `container.id ${parts.join(" ")}`),
  fc
    .tuple(fc.constantFrom("=", "!=", ">", "in"), fc.constantFrom("0", "33"))
    .map(([operator, uid]) => `user.uid ${operator} ${operator === "in" ? `(${uid})` : uid}`),
  fc
    .tuple(fc.constantFrom("=", "!="), fc.constantFrom("SUCCESS", "ENOENT", "EINPROGRESS"))
    .map((parts) => `evt.res ${parts.join(" ")}`),
  fc
    .tuple(
      fc.constantFrom("=", "!=", "contains", "startswith", "in"),
      fc.constantFrom("AF_PACKET", "AF_INET", "AF_INET6", "AF_UNIX", "AF_LOCAL", "AF_NET", "AF_"),
    )
    .map(
      ([operator, name]) => `evt.arg.domain ${operator} ${operator === "in" ? `(${name})` : name}`,
    ),
  fc
    .tuple(fc.constantFrom("=", "!="), fc.constantFrom("tcp", "udp"))
    .map((parts) => `fd.l4proto ${parts.join(" ")}`),
  fc.constantFrom(
    "evt.res in (SUCCESS, EACCES)",
    "evt.res in (EPERM, EACCES)",
    "evt.res = EACCES",
    "evt.rawres in (-13, -1)",
    "evt.rawres = -13",
    "evt.rawres in (-13, -2)",
    "evt.failed = true",
    "evt.failed = false",
    "evt.failed != true",
    "proc.name = sh",
    "proc.name = nope",
  ),
);

const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    check,
    fc
      .tuple(tie("condition"), fc.constantFrom("and", "or"), tie("condition"))
      .map(([left, word, right]) => `(${left} ${word} ${right})`),
    tie("condition").map((inner) => `not (${inner})`),
  ),
}));

/** Where opens led: paths as the kernel has them. */
const FILES = [
  "/",
  "/etc",
  "/etc/shadow",
  "/etc/shadow2",
  "/etc/pam.d/su",
  "/home/a/.ssh/id_rsa",
  "/home/a/.hidden",
  "/var/log/a b",
  "/x..",
  "/é",
  "/shadow",
  `/${"d".repeat(70)}/x`,
  `/${"d".repeat(70)}/x/y`,
];

interface TestCall extends Call {
  readonly name: string;
  readonly flags: number;
  readonly path: string;
  readonly isContained: boolean;
  readonly uid: number;
}

const codeOf = (name: string): number =>
  EVENT_TYPES.find((type) => type?.name === name && FILTERED_CODES.includes(type.code))?.code ?? 0;

const call = fc
  .record({
    name: fc.constantFrom(
      "open",
      "openat",
      "openat2",
      "creat",
      "connect",
      "socket",
      "sendto",
      "dup2",
      "unlinkat",
      "close",
    ),
    // Scap's: read, write, both, with O_CREAT, with O_DIRECTORY.
    flags: fc.constantFrom(1, 2, 3, 6, 0x401, 0x100 + 2),
    result: fc.constantFrom(0, 3, -1, -2, -13, -115),
    path: fc.constantFrom(...PATHS),
    resolved: fc.constantFrom(...FILES, undefined),
    family: fc.constantFrom(1, 2, 10, 16, 17, undefined),
    protocol: fc.constantFrom(6, 17),
    isContained: fc.boolean(),
    isKnown: fc.boolean(),
    uid: fc.constantFrom(0, 33),
  })
  .map(({ isKnown, ...facts }): TestCall => {
    const place = isKnown && !facts.isContained ? CALLER.host : CALLER.host | CALLER.contained;
    // The family of a new socket is an argument, of others what the descriptor says.
    const family = facts.name === "socket" ? (facts.family ?? 16) : facts.family;
    return {
      ...facts,
      family,
      code: codeOf(facts.name),
      callers: place | (facts.uid === 0 ? CALLER.root : CALLER.other),
    };
  });

/** As the record's section tells a descriptor. */
function descriptorOf({ family, protocol }: Call): DescriptorValues {
  if (family === undefined) return { kind: "f", path: "/srv/file" };
  if (family === 1) return { kind: "u", path: "/run/socket" };
  if (family !== 2 && family !== 10) return { kind: "n", path: "" };
  const end = (port: number) => ({ address: new Uint8Array(family === 2 ? 4 : 16).fill(1), port });
  const ends = { local: end(1000), remote: end(2000) };
  return { kind: family === 2 ? "4" : "6", family, ...ends, ...(protocol ? { protocol } : {}) };
}

function paramsOf({ name, flags, result, path, family }: TestCall): ParamValues {
  const opened = { fd: result, name: path, flags, mode: 0o644, dev: 1, ino: 2 };
  switch (name) {
    case "creat":
      return { fd: result, name: path, mode: 0o644, dev: 1, ino: 2, creat_flags: 0 };
    case "open":
      return opened;
    case "openat":
      return { ...opened, dirfd: -100 };
    case "openat2":
      return { ...opened, dirfd: -100, resolve: 0 };
    case "connect":
      return { res: result, fd: 5 };
    case "socket":
      return { fd: result, domain: family ?? 16, type: 1, proto: 0 };
    case "sendto":
      return { res: result, fd: 5, size: 1 };
    case "close":
      return { res: result, fd: 5 };
    case "dup2":
      return { res: result, oldfd: 5, newfd: 6 };
    default:
      return { res: result, dirfd: -100, name: path, flags: 0 };
  }
}

function sceneOf(call: TestCall) {
  const isOpen = OPEN_CODES.includes(call.code);
  // A socket that could not be made is no descriptor.
  const isNone = isOpen || call.name === "unlinkat" || (call.name === "socket" && call.result < 0);
  return scene(call.name, paramsOf(call), {
    directory: "/etc",
    ...((isOpen || call.name === "unlinkat") && call.result >= 0 && call.resolved !== undefined
      ? { resolved: call.resolved }
      : {}),
    ...(isNone ? {} : { descriptor: descriptorOf(call) }),
    process: { uid: call.uid },
    container: call.isContained ? container("web") : undefined,
  });
}

test("no call that a condition matches is kept in the kernel", () => {
  let kept = 0;
  fc.assert(
    fc.property(
      fc.array(condition, { minLength: 1, maxLength: 3 }),
      fc.array(call, { minLength: 1, maxLength: 6 }),
      (texts, calls) => {
        const expressions = texts.map((text) => parseCondition(text));
        const filter = callFilterOf(expressions.flatMap((expression) => callClausesOf(expression)));
        const predicates = expressions.map(
          (expression) => compileCondition(expression, FIELDS).predicate,
        );
        for (const one of calls) {
          if (filter === undefined || passesCallFilter(filter, one)) continue;
          kept += 1;
          const matched = predicates.findIndex((matches) => sceneOf(one).holds(matches));
          assert.equal(matched, -1, `${texts[matched]} matches ${JSON.stringify(one)}`);
        }
      },
    ),
    { numRuns: RUNS },
  );
  assert.ok(kept > RUNS / 50, `the filter must keep something for this to mean anything: ${kept}`);
});

test("the stable file's opens: writes, and reads of what is sensitive", () => {
  const text =
    "evt.type in (open, openat, openat2) and evt.is_open_read = true and fd.typechar = f and fd.num >= 0 and (fd.name in (/etc/shadow, /etc/sudoers) or fd.directory in (/etc/pam.d)) and not proc.name in (sudo)";
  const filter = callFilterOf(callClausesOf(parseCondition(text)));
  assert.ok(filter !== undefined);
  const [, openat = 0] = OPEN_CODES;
  const call = (path: string, more: Partial<Call> = {}) =>
    passesCallFilter(filter, { code: openat, flags: 1, result: 3, path, ...more });
  assert.deepEqual(
    [call("/etc/shadow"), call("/etc/pam.d/su"), call("shadow"), call("/etc/../etc/shadow")],
    [true, true, true, true],
  );
  assert.deepEqual(
    [
      call("/etc/ld.so.cache"),
      call("/usr/lib/x.so"),
      call("/etc/shadow", { flags: 2 }),
      call("/etc/shadow", { result: -2 }),
      call("/etc/pam.d", { flags: 0x401 }),
    ],
    [false, false, false, false, false],
  );
});

test("opens that were denied leave the kernel, others that failed do not", () => {
  for (const denied of ["evt.rawres in (-13, -1)", "evt.res in (EACCES, EPERM)"]) {
    const filter = callFilterOf(
      callClausesOf(parseCondition(`evt.type = openat and evt.failed = true and ${denied}`)),
    );
    assert.ok(filter !== undefined);
    const [, openat = 0] = OPEN_CODES;
    const sent = [-1, -13, -2, -11, 3].filter((result) =>
      passesCallFilter(filter, { code: openat, flags: 1, result, path: "/x" }),
    );
    assert.deepEqual(sent, [-1, -13], denied);
  }
});

test("long lists and macros that multiply end soon, and leave opens through", () => {
  const names = (from: number): string =>
    Array.from({ length: 20_000 }, (_, index) => `/p/${from + index}`).join(", ");
  const long = callClausesOf(
    parseCondition(
      `evt.type = open and fd.name in (${names(0)}) and fd.name in (${names(10_000)})`,
    ),
  );
  assert.equal(callFilterOf(long), undefined);
  let bomb = parseCondition("evt.type = open and fd.name = /a");
  for (let level = 0; level < 60; level += 1)
    bomb = {
      kind: level % 2 === 0 ? "and" : "or",
      operands: [bomb, { kind: "not", operand: bomb, start: 0, end: 0 }, bomb],
      start: 0,
      end: 0,
    };
  assert.ok(callClausesOf(bomb).length > 0);
});

test("rules that ask for a kind of socket leave the others in the kernel", () => {
  const sent = (condition: string, name: string, facts: readonly Partial<Call>[]): boolean[] => {
    const filter = callFilterOf(callClausesOf(parseCondition(condition)));
    assert.ok(filter !== undefined);
    return facts.map((more) =>
      passesCallFilter(filter, { code: codeOf(name), result: 3, ...more }),
    );
  };
  const domain = "evt.type = socket and evt.arg.domain contains AF_PACKET";
  assert.deepEqual(
    sent(domain, "socket", [{ family: 17 }, { family: 16 }, { family: 2 }, { family: 1 }]),
    [true, true, false, false],
  );
  const dup = "evt.type in (dup, dup2, dup3) and fd.type in (ipv4, ipv6)";
  assert.deepEqual(
    sent(dup, "dup2", [{ family: 10 }, { family: 2, protocol: 6 }, { family: 1 }, {}]),
    [true, true, false, false],
  );
  const ssh = "evt.type = connect and fd.l4proto = tcp and fd.typechar in (4, 6)";
  assert.deepEqual(
    sent(ssh, "connect", [
      { family: 2, protocol: 6 },
      { family: 2, protocol: 17 },
      { family: 1 },
      {},
    ]),
    [true, false, false, true],
  );
});
