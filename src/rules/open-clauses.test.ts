import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { scene } from "../../test/fixtures/scenes.ts";
import { OPEN_CODES, openFilterOf, passesOpenFilter } from "../events/open-filter.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import { FIELDS } from "../fields/registry.ts";
import { compileCondition } from "./compile-condition.ts";
import { openClausesOf } from "./open-clauses.ts";
import { parseCondition } from "./parse-condition.ts";

const RUNS = Number(process.env["SAKER_FUZZ_RUNS"] ?? 3000);

const PATHS = ["/", "/etc", "/etc/", "/etc/shadow", "/etc/shadow2", "/etc/../etc/shadow", "//etc/shadow", "/etc/./shadow", "/etcetera", "/home/a/.ssh/id_rsa", "/x../etc", "etc/shadow", "../shadow", "", "/var/log/a b", "/é", `/${"d".repeat(70)}/e`, `/${"d".repeat(300)}`];

const value = fc.constantFrom("/", "/etc", "/etc/", "/etc/shadow", "/etc/shado", "shadow", "/home", "/home/a/.ssh", "/etc/../etc", "..", "../", "/var/log", "/é", `/${"d".repeat(70)}`, `/${"d".repeat(70)}/x`, "");
const pattern = fc.constantFrom("/etc*", "/etc/*", "*", "/*/shadow", "/etc/shad?w", "*../*", "/home/[ab]/*");
const quoted = (text: string): string => JSON.stringify(text);

const check = fc.oneof(
  fc.tuple(fc.constantFrom("evt.is_open_read", "evt.is_open_write"), fc.constantFrom("=", "!="), fc.constantFrom("true", "false")).map((parts) => parts.join(" ")),
  fc.tuple(fc.constantFrom("fd.num", "evt.rawres"), fc.constantFrom("=", "!=", "<", "<=", ">", ">="), fc.constantFrom("0", "-1", "3")).map((parts) => parts.join(" ")),
  fc.tuple(fc.constantFrom("=", "!=", "in"), fc.constantFrom("f", "d")).map(([operator, kind]) => `fd.typechar ${operator} ${operator === "in" ? `(${kind})` : kind}`),
  fc.tuple(fc.constantFrom("=", "!="), fc.constantFrom("open", "openat", "openat2", "creat", "execve")).map(([operator, name]) => `evt.type ${operator} ${name}`),
  fc.uniqueArray(fc.constantFrom("open", "openat", "openat2", "creat", "execve"), { minLength: 1 }).map((names) => `evt.type in (${names.join(", ")})`),
  fc.tuple(fc.constantFrom("fd.name", "fd.directory", "fd.nameraw", "fd.filename"), fc.constantFrom("=", "!=", "startswith", "contains", "endswith"), value).map(([field, operator, text]) => `${field} ${operator} ${quoted(text)}`),
  fc.tuple(fc.constantFrom("fd.name", "fd.directory", "fd.nameraw"), fc.constantFrom("in", "pmatch", "intersects"), fc.array(value, { minLength: 1, maxLength: 3 })).map(([field, operator, texts]) => `${field} ${operator} (${texts.map(quoted).join(", ")})`),
  fc.tuple(fc.constantFrom("fd.name", "fd.nameraw"), fc.constantFrom("glob", "startswith oneof", "in oneof"), pattern).map(([field, operator, text]) => (operator === "glob" ? `${field} glob ${quoted(text)}` : `${field} startswith oneof (${quoted(text)})`)),
  fc.constantFrom("proc.name = sh", "proc.name = nope", "evt.failed = true", "evt.res = SUCCESS", "container.id = host"),
);

const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    check,
    fc.tuple(tie("condition"), fc.constantFrom("and", "or"), tie("condition")).map(([left, word, right]) => `(${left} ${word} ${right})`),
    tie("condition").map((inner) => `not (${inner})`),
  ),
}));

interface Open {
  readonly code: number;
  readonly flags: number;
  readonly result: number;
  readonly path: string;
}

const open = fc.record<Open>({
  code: fc.constantFrom(...OPEN_CODES),
  // Scap's: read, write, both, with O_CREAT, with O_DIRECTORY.
  flags: fc.constantFrom(1, 2, 3, 6, 0x401, 0x100 + 2),
  result: fc.constantFrom(0, 3, -1, -2, -13),
  path: fc.constantFrom(...PATHS),
});

function sceneOf({ code, flags, result, path }: Open) {
  const name = EVENT_TYPES[code]?.name ?? "";
  const common = { fd: result, name: path, flags, mode: 0o644, dev: 1, ino: 2 };
  if (name === "creat") return scene(name, { fd: result, name: path, mode: 0o644, dev: 1, ino: 2, creat_flags: 0 }, { directory: "/etc" });
  return scene(name, name === "open" ? common : { ...common, dirfd: -100, ...(name === "openat2" ? { resolve: 0 } : {}) }, { directory: "/etc" });
}

test("no open that a condition matches is kept in the kernel", () => {
  let kept = 0;
  fc.assert(
    fc.property(fc.array(condition, { minLength: 1, maxLength: 3 }), fc.array(open, { minLength: 1, maxLength: 6 }), (texts, opens) => {
      const expressions = texts.map((text) => parseCondition(text));
      const filter = openFilterOf(expressions.flatMap((expression) => openClausesOf(expression)));
      const predicates = expressions.map((expression) => compileCondition(expression, FIELDS).predicate);
      for (const call of opens) {
        if (filter === undefined || passesOpenFilter(filter, call)) continue;
        kept += 1;
        const matched = predicates.findIndex((matches) => matches(sceneOf(call)));
        assert.equal(matched, -1, `${texts[matched]} matches ${JSON.stringify(call)}`);
      }
    }),
    { numRuns: RUNS },
  );
  assert.ok(kept > RUNS / 50, `the filter must keep something for this to mean anything: ${kept}`);
});

test("the stable file's opens: writes, and reads of what is sensitive", () => {
  const text = "evt.type in (open, openat, openat2) and evt.is_open_read = true and fd.typechar = f and fd.num >= 0 and (fd.name in (/etc/shadow, /etc/sudoers) or fd.directory in (/etc/pam.d)) and not proc.name in (sudo)";
  const filter = openFilterOf(openClausesOf(parseCondition(text)));
  assert.ok(filter !== undefined);
  const [, openat = 0] = OPEN_CODES;
  const call = (path: string, more: Partial<Open> = {}) => passesOpenFilter(filter, { code: openat, flags: 1, result: 3, path, ...more });
  assert.deepEqual([call("/etc/shadow"), call("/etc/pam.d/su"), call("shadow"), call("/etc/../etc/shadow")], [true, true, true, true]);
  assert.deepEqual([call("/etc/ld.so.cache"), call("/usr/lib/x.so"), call("/etc/shadow", { flags: 2 }), call("/etc/shadow", { result: -2 }), call("/etc/pam.d", { flags: 0x401 })], [false, false, false, false, false]);
});

test("long lists and macros that multiply end soon, and leave opens through", () => {
  const names = (from: number): string => Array.from({ length: 20_000 }, (_, index) => `/p/${from + index}`).join(", ");
  const long = openClausesOf(parseCondition(`evt.type = open and fd.name in (${names(0)}) and fd.name in (${names(10_000)})`));
  assert.equal(openFilterOf(long), undefined);
  let bomb = parseCondition("evt.type = open and fd.name = /a");
  for (let level = 0; level < 60; level += 1) bomb = { kind: level % 2 === 0 ? "and" : "or", operands: [bomb, { kind: "not", operand: bomb, start: 0, end: 0 }, bomb], start: 0, end: 0 };
  assert.ok(openClausesOf(bomb).length > 0);
});
