import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { baseRules } from "../src/config/rule-files.ts";
import { FIELDS } from "../src/fields/registry.ts";
import type { Check, Expression } from "../src/rules/ast.ts";
import { loadRules, type RulesText } from "../src/rules/load-rules.ts";
import { printCheck, printOperand } from "../src/rules/print-condition.ts";

const OFFICIAL = new URL("../../shared/falco-rules/", import.meta.url);
const SEED = new URL("../../shared/seed/falco_custom_rules.yaml", import.meta.url);
const NAMES = ["falco-sandbox_rules.yaml", "falco-incubating_rules.yaml", "falco_rules.yaml"];
const skip = !existsSync(OFFICIAL) && "needs ../shared/falco-rules";
const official = skip === false ? NAMES.map((name) => read(new URL(name, OFFICIAL), name)) : [];
const base = baseRules();
/** The one macro that Falco's files of today have no more; older ones have it so. */
const OLD = new Set(["always_true"]);

describe("the base of macros and lists", { skip }, () => {
  test("has every name of Falco's stable file, and no name that Falco has not", () => {
    const [known, stable] = [defined(base.text), defined(official.at(-1)?.text ?? "")];
    assert.ok(stable.size > 130);
    assert.deepEqual([...stable.difference(known)], []);
    const all = defined(official.map(({ text }) => text).join("\n"));
    assert.deepEqual([...known.difference(all)], [...OLD]);
  });

  for (const [what, condition] of [
    ["as it is", ""],
    ["with an operand appended", "or proc.tty = 9"],
    ["narrowed by what is appended", "and proc.tty = 9"],
  ] as const) {
    test(`each macro means what it means in Falco's files, ${what}`, () => {
      requireSameMeaning((name, isMacro) =>
        isMacro && condition !== ""
          ? `- {macro: ${name}, condition: ${condition}, override: {condition: append}}\n`
          : "",
      );
    });
  }

  test("each list holds what it holds in Falco's files, with an item appended", () => {
    requireSameMeaning((name, isMacro) =>
      isMacro || name === "rfc_1918_addresses" || name === "ssh_non_standard_ports"
        ? ""
        : `- {list: ${name}, items: [one_more], append: true}\n`,
    );
  });

  test("beneath Falco's own files changes nothing of theirs, and says nothing", () => {
    for (const files of [official, official.slice(-1)]) {
      const [above, alone] = [
        loadRules(files, { fields: FIELDS, base, warnsOfBase: true }),
        loadRules(files, { fields: FIELDS }),
      ];
      assert.deepEqual(above.files, alone.files);
      assert.deepEqual(
        above.rules.map(({ name, expression }) => [name, canonical(expression)]),
        alone.rules.map(({ name, expression }) => [name, canonical(expression)]),
      );
    }
  });

  test("lets the old system's custom file load alone, and says what Falco would lack", () => {
    const text = read(SEED, "falco_custom_rules.yaml");
    const { files, rules } = loadRules([text], { fields: FIELDS, base, warnsOfBase: true });
    assert.equal(rules.length, 1);
    assert.deepEqual(files[0]?.errors, []);
    assert.deepEqual(
      files[0]?.warnings.map(({ code, message, place }) => [code, message, place?.line]),
      [["LOAD_BASE_NAME", "Falco defines these names in its own rules file alone: container", 4]],
    );
    assert.deepEqual(loadRules([text], { fields: FIELDS, base }).files[0]?.warnings, []);
  });
});

function read(url: URL, name: string): RulesText {
  return { name, text: readFileSync(url, "utf8") };
}

function rule(name: string, condition: string): string {
  return `- rule: ${name}\n  desc: d\n  priority: INFO\n  output: o\n  condition: ${condition}\n`;
}

function defined(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/^- (?:list|macro): (\S+)/gm)].map(([, name]) => name ?? ""));
}

function macroNames(text: string): readonly string[] {
  return [...text.matchAll(/^- macro: (\S+)/gm)].map(([, name]) => name ?? "");
}

/** A rule on each name, after changes of the names: the same above the base as behind Falco's files. */
function requireSameMeaning(change: (name: string, isMacro: boolean) => string): void {
  const macros = new Set(macroNames(base.text));
  const names = [...defined(base.text)].filter((name) => !OLD.has(name));
  const changes = names.map((name) => change(name, macros.has(name))).join("");
  const rules = names.map((name) =>
    rule(name, macros.has(name) ? `evt.type = open and ${name}` : `proc.name in (${name})`),
  );
  const mine = { name: "mine.yaml", text: changes + rules.join("") };
  const [above, behind] = [meanings([mine], base), meanings([...official, mine])];
  assert.equal(above.size, names.length);
  for (const name of names) assert.equal(above.get(name), behind.get(name), name);
}

function meanings(files: readonly RulesText[], beneath?: RulesText): ReadonlyMap<string, string> {
  const loaded = loadRules(files, {
    fields: FIELDS,
    ...(beneath === undefined ? {} : { base: beneath }),
  });
  assert.deepEqual(
    loaded.files.flatMap(({ errors }) => errors),
    [],
  );
  return new Map(loaded.rules.map(({ name, expression }) => [name, canonical(expression)]));
}

/** One text for all ways of writing the same: order, nesting of one kind, one value as a set. */
function canonical(expression: Expression): string {
  switch (expression.kind) {
    case "and":
    case "or":
      return `(${[...new Set(flat(expression, expression.kind))].toSorted().join(` ${expression.kind} `)})`;
    case "not":
      return `not ${canonical(expression.operand)}`;
    case "check":
      return canonicalCheck(expression);
    case "macro":
      return expression.name;
  }
}

function flat(expression: Expression, kind: "and" | "or"): string[] {
  return expression.kind === kind
    ? expression.operands.flatMap((operand) => flat(operand, kind))
    : [canonical(expression)];
}

function canonicalCheck(check: Check): string {
  const { left, operator, right } = check;
  if (operator !== "in" || right?.kind !== "list") return printCheck(check);
  const values = right.values.map(({ text }) => text).toSorted();
  return `${printOperand(left)} in ${JSON.stringify([...new Set(values)])}`;
}
