import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { scene } from "../../test/fixtures/scenes.ts";
import { type Plain, type PlainType, walk } from "../../test/fixtures/tree-walker.ts";
import type { Field, FieldRegistry, FieldType, FieldValue } from "../fields/field.ts";
import { FIELDS } from "../fields/registry.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import type { Scene } from "../state/scene.ts";
import { compileCondition } from "./compile-condition.ts";
import { eventCodesOf } from "./event-codes.ts";
import { loadRules } from "./load-rules.ts";
import { parseCondition } from "./parse-condition.ts";
import { printCondition } from "./print-condition.ts";

const RUNS = Number(process.env["SAKER_FUZZ_RUNS"] ?? 1500);

const TYPES: Readonly<Record<string, PlainType>> = {
  "t.a": "text",
  "t.b": "text",
  "t.n": "number",
  "t.m": "number",
  "t.x": "bool",
  "t.ip": "address",
  "t.net": "network",
  "t.list": "list",
  "t.any": "any",
  "t.ends": "ends",
};
const FIELD_TYPES: Readonly<Record<PlainType, FieldType>> = {
  text: "CHARBUF",
  number: "INT64",
  bool: "BOOL",
  address: "IPADDR",
  network: "IPNET",
  list: "CHARBUF",
  any: "CHARBUF",
  ends: "IPADDR",
};

function mock(name: string, type: PlainType): Field {
  const read = (shown: Scene): FieldValue | undefined =>
    (shown as unknown as Readonly<Record<string, FieldValue | undefined>>)[name];
  const field: Field = {
    name,
    type: FIELD_TYPES[type],
    class: "mock",
    doc: "",
    ...(type === "list" ? { list: true as const } : {}),
  };
  if (type !== "any" && type !== "ends") return { ...field, bind: () => read };
  return {
    ...field,
    several: type,
    bindAll: () => (shown) => (read(shown) as readonly FieldValue[] | undefined) ?? [],
  };
}

const MOCKS: FieldRegistry = (() => {
  const fields = new Map(Object.entries(TYPES).map(([name, type]) => [name, mock(name, type)]));
  return { get: (name: string) => fields.get(name), names: () => fields.keys() };
})();

const word = fc.constantFrom("a", "ab", "b", "/a/b", "/a", "A", "", "a*", "x y");
const bare = fc.constantFrom("a", "ab", "b", "/a/b", "/a", "A");
const number = fc.constantFrom("0", "1", "-1", "7", "9007199254740993", "-9223372036854775808");
const address = fc.constantFrom("10.0.0.1", "10.0.0.2", "192.168.1.1", "0.0.0.0");
const network = fc.constantFrom("10.0.0.0/8", "10.0.0.2/31", "192.168.0.0/16", "0.0.0.0/1");
const quoted = (text: string): string => JSON.stringify(text);
const list = (values: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(values, { maxLength: 3 }).map((items) => `(${items.map(quoted).join(", ")})`);

const textSide = fc.oneof(
  fc.constantFrom("t.a", "t.b", "t.a", "t.b"),
  fc.constantFrom(
    "tolower(t.a)",
    "toupper(t.b)",
    "basename(t.a)",
    'concat(t.a, "/", t.b)',
    'join("-", (t.a, t.b, "x"))',
    "tolower(basename(t.b))",
  ),
);
const equal = fc.constantFrom("=", "==", "!=");
const textOperator = fc.constantFrom(
  "=",
  "==",
  "!=",
  "contains",
  "icontains",
  "startswith",
  "endswith",
  "glob",
  "iglob",
);
const modifier = fc.constantFrom("oneof", "anyof", "allof");
const order = fc.constantFrom("<", "<=", ">", ">=");

const check = fc.oneof(
  fc
    .tuple(textSide, textOperator, word)
    .map(([left, operator, value]) => `${left} ${operator} ${quoted(value)}`),
  fc
    .tuple(textSide, textOperator, modifier, list(word))
    .map(([left, operator, how, values]) => `${left} ${operator} ${how} ${values}`),
  fc
    .tuple(textSide, fc.constantFrom("in", "intersects", "pmatch"), list(bare))
    .map(([left, operator, values]) => `${left} ${operator} ${values}`),
  fc
    .tuple(textSide, fc.constantFrom("a", "a.*", "(a|/a)/b", "[ab]+", "x y"))
    .map(([left, pattern]) => `${left} regex ${quoted(pattern)}`),
  fc
    .tuple(
      textSide,
      fc.constantFrom("=", "!=", "contains", "startswith", "endswith", "icontains", "in"),
      fc.constantFrom("val(t.b)", "tolower(t.b)", "val(t.a)"),
    )
    .map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constantFrom("t.n", "t.m"), fc.oneof(equal, order), number)
    .map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constantFrom("t.n", "t.m"), fc.constantFrom("in", "intersects"), list(number))
    .map((parts) => parts.join(" ")),
  fc
    .tuple(
      fc.constantFrom("t.n", "t.m"),
      fc.oneof(equal, order),
      fc.constantFrom("val(t.m)", "val(t.n)"),
    )
    .map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constantFrom("t.n", "t.m"), equal, modifier, list(number))
    .map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constantFrom("len(t.a)", "len(t.list)"), order, fc.constantFrom("0", "1", "2"))
    .map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constant("t.x"), equal, fc.constantFrom("true", "false"))
    .map((parts) => parts.join(" ")),
  fc.tuple(fc.constantFrom("t.ip", "t.ends"), equal, address).map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constantFrom("t.ip", "t.ends"), fc.constant("in"), list(address))
    .map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constantFrom("t.ip", "t.ends"), equal, modifier, list(address))
    .map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constant("t.net"), equal, network)
    .map(([left, operator, value]) => `${left} ${operator} ${quoted(value)}`),
  fc.tuple(fc.constant("t.net in"), list(network)).map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constant("t.list"), fc.constantFrom("in", "intersects"), list(bare))
    .map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constant("t.any"), textOperator, word)
    .map(([left, operator, value]) => `${left} ${operator} ${quoted(value)}`),
  fc
    .tuple(fc.constant("t.any"), textOperator, modifier, list(word))
    .map((parts) => parts.join(" ")),
  fc.constantFrom(...Object.keys(TYPES)).map((name) => `${name} exists`),
);

const condition = fc.letrec<{ whole: string }>((tie) => ({
  whole: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    check,
    fc
      .tuple(tie("whole"), fc.constantFrom("and", "or"), tie("whole"))
      .map(([left, how, right]) => `(${left}) ${how} (${right})`),
    tie("whole").map((inner) => `not (${inner})`),
  ),
})).whole;

const world = fc.record(
  {
    "t.a": word,
    "t.b": word,
    "t.n": number.map(BigInt),
    "t.m": number.map(BigInt),
    "t.x": fc.boolean(),
    "t.ip": address,
    "t.net": address,
    "t.list": fc.array(bare, { maxLength: 3 }),
    "t.any": fc.array(word, { maxLength: 3 }),
    "t.ends": fc.array(address, { maxLength: 2 }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Readonly<Record<string, Plain>>>;

/** The values as fields have them: addresses as bytes, small numbers as numbers. */
function mockScene(values: Readonly<Record<string, Plain>>): Scene {
  const converted = Object.entries(values).map(([name, value]): [string, FieldValue] => {
    const type = TYPES[name];
    if (type === "address" || type === "network")
      return [name, addressBytes(String(value)) ?? new Uint8Array(4)];
    if (type === "ends")
      return [
        name,
        (value as readonly string[]).map((one) => addressBytes(one) ?? new Uint8Array(4)),
      ];
    return [
      name,
      typeof value === "bigint" && value >= -1000n && value <= 1000n ? Number(value) : value,
    ];
  });
  return Object.fromEntries(converted) as unknown as Scene;
}

test("compileCondition() answers as the plain tree walker does, for random conditions and values", () => {
  fc.assert(
    fc.property(condition, world, (text, values) => {
      const expression = parseCondition(text);
      const wanted = walk(expression, { types: TYPES, values });
      assert.equal(compileCondition(expression, MOCKS).predicate(mockScene(values)), wanted, text);
    }),
    { numRuns: RUNS },
  );
});

test("printCondition() prints what reads as the same condition", () => {
  fc.assert(
    fc.property(condition, world, (text, values) => {
      const printed = printCondition(parseCondition(text), "source");
      const again = parseCondition(printed);
      // Two negations in a row are one reading away from none.
      if (!printed.includes("not not")) assert.equal(printCondition(again, "source"), printed);
      assert.equal(
        walk(again, { types: TYPES, values }),
        walk(parseCondition(text), { types: TYPES, values }),
        printed,
      );
    }),
    { numRuns: RUNS },
  );
});

test("macros and lists mean what they stand for", () => {
  fc.assert(
    fc.property(
      check,
      check,
      fc.array(bare, { minLength: 1, maxLength: 3 }),
      world,
      (left, right, items, values) => {
        const fields: FieldRegistry = {
          get: (name) => MOCKS.get(name) ?? FIELDS.get(name),
          names: () => MOCKS.names(),
        };
        const rules = `- list: l\n  items: ${JSON.stringify(items)}\n- macro: m\n  condition: ${JSON.stringify(`${left} or t.b in (l)`)}\n- rule: R\n  desc: d\n  output: o\n  priority: INFO\n  condition: ${JSON.stringify(`not m and (${right})`)}\n`;
        const [rule] = loadRules([{ name: "r.yaml", text: rules }], { fields }).rules;
        const written = parseCondition(
          `not (${left} or t.b in (${items.map(quoted).join(", ")})) and (${right})`,
        );
        assert.equal(
          rule?.condition(mockScene(values)),
          walk(written, { types: TYPES, values }),
          rules,
        );
      },
    ),
    { numRuns: Math.min(RUNS, 500) },
  );
});

const eventCheck = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("evt.type", "syscall.type"),
      equal,
      fc.constantFrom("open", "close", "execve", "chdir"),
    )
    .map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constant("evt.type in"), list(fc.constantFrom("open", "close", "execve")))
    .map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constant("evt.num"), fc.oneof(equal, order), fc.constantFrom("0", "1", "2"))
    .map((parts) => parts.join(" ")),
  fc.constantFrom(
    "proc.name = sh",
    "fd.num >= 0",
    "proc.name = nobody",
    "evt.type startswith open",
  ),
);
const eventCondition = fc.letrec<{ whole: string }>((tie) => ({
  whole: fc.oneof(
    { maxDepth: 4 },
    eventCheck,
    fc
      .tuple(tie("whole"), fc.constantFrom("and", "or"), tie("whole"))
      .map(([left, how, right]) => `(${left}) ${how} (${right})`),
    tie("whole").map((inner) => `not (${inner})`),
  ),
})).whole;
const EVENTS = [
  scene("open", { fd: 3, name: "/x" }),
  scene("close", { res: 0, fd: 3 }),
  scene("chdir", { res: 0, path: "/" }),
];

test("eventCodesOf() leaves out no event that the condition matches", () => {
  fc.assert(
    fc.property(eventCondition, (text) => {
      const expression = parseCondition(text);
      const codes = eventCodesOf(expression);
      const { predicate } = compileCondition(expression, FIELDS);
      for (const shown of EVENTS)
        if (predicate(shown))
          assert.ok(codes.has(shown.event.code), `${text} matches ${shown.event.type?.name ?? ""}`);
    }),
    { numRuns: RUNS },
  );
});
