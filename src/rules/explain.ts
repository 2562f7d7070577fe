import type { FieldRegistry } from "../fields/field.ts";
import type { Scene } from "../state/scene.ts";
import type { Check, Expression, Operand } from "./ast.ts";
import { compileCondition, type Predicate } from "./compile-condition.ts";
import { bindOperand } from "./operands.ts";
import { textOf } from "./output.ts";
import { printCheck, printOperand } from "./print-condition.ts";

/** What one part of a condition came to. */
export interface Explanation {
  readonly kind: Expression["kind"];
  readonly holds: boolean;
  /** Of a comparison: itself, and the values that it saw, `<NA>` for what is missing. */
  readonly check?: string;
  readonly values?: readonly { readonly name: string; readonly value: string }[];
  readonly parts: readonly Explanation[];
  /**
   * It decided what the part around it came to: an operand of `and` that does not hold, one of `or`
   * that does.
   */
  readonly isDecisive: boolean;
}

/**
 * Takes a condition apart once; then says of each scene what every part came to. Throws what
 * `compileCondition` throws.
 */
export function compileExplanation(
  expression: Expression,
  fields: FieldRegistry,
): (scene: Scene) => Explanation {
  const explain = compileNode(expression, fields);
  return (scene) => explain(scene, true);
}

type Explain = (scene: Scene, isDecisive: boolean) => Explanation;

function compileNode(expression: Expression, fields: FieldRegistry): Explain {
  switch (expression.kind) {
    case "and":
    case "or": {
      const { kind } = expression;
      const operands = expression.operands.map((operand) => compileNode(operand, fields));
      return (scene, isDecisive) => {
        const plain = operands.map((operand) => operand(scene, false));
        const holds =
          kind === "and" ? plain.every((part) => part.holds) : plain.some((part) => part.holds);
        // When an "and" holds, or an "or" does not, every operand decided.
        const decides = (part: Explanation): boolean => isDecisive && part.holds === holds;
        return {
          kind,
          holds,
          isDecisive,
          parts: operands.map((operand, index) =>
            operand(scene, decides(plain[index] as Explanation)),
          ),
        };
      };
    }
    case "not": {
      const operand = compileNode(expression.operand, fields);
      return (scene, isDecisive) => {
        const part = operand(scene, isDecisive);
        return { kind: "not", holds: !part.holds, isDecisive, parts: [part] };
      };
    }
    case "check":
      return compileLeaf(expression, compileCondition(expression, fields).predicate, fields);
    case "macro":
      throw new Error(`BUG: macro "${expression.name}" was not put in its place`);
  }
}

function compileLeaf(check: Check, predicate: Predicate, fields: FieldRegistry): Explain {
  const operands = [
    check.left,
    ...(check.right?.kind === "field" || check.right?.kind === "transform" ? [check.right] : []),
  ];
  const readers = operands.map((operand: Operand) => ({
    name: printOperand(operand),
    bound: bindOperand(operand, fields, operand === check.left ? "left" : "right"),
  }));
  const text = printCheck(check);
  return (scene, isDecisive) => ({
    kind: "check",
    holds: predicate(scene),
    isDecisive,
    check: text,
    values: readers.map(({ name, bound }) => ({ name, value: textOf(bound, scene) ?? "<NA>" })),
    parts: [],
  });
}

/** The comparisons that decided, in their order. */
export function decisiveChecks(explanation: Explanation): readonly Explanation[] {
  if (!explanation.isDecisive) return [];
  return explanation.kind === "check" ? [explanation] : explanation.parts.flatMap(decisiveChecks);
}
