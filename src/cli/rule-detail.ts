import type { Expression } from "../rules/ast.ts";
import type { LoadedRule } from "../rules/loaded-rule.ts";
import { wrapCondition } from "../rules/wrap-condition.ts";
import type { RuleDetail, RuleSummary } from "../web/schemas/rule.ts";
import { eventNames } from "./rules-list.ts";

/** A rule of the set as lists of the page have it: those are switched on. */
export function ruleSummary({
  name,
  desc,
  priority,

  source,
  tags,
  file,
}: LoadedRule): RuleSummary {
  return { name, desc: desc.trim(), priority, enabled: true, source, tags: [...tags], file };
}

/** A rule with its texts. */
export function ruleDetail(rule: LoadedRule): RuleDetail {
  return {
    ...ruleSummary(rule),
    condition: rule.conditionText,
    clauses: clausesOf(rule.expression).map((clause) => wrapCondition(clause).join("\n")),
    output: rule.outputText,
    events: [...eventNames(rule.eventCodes)],
    fields: [
      ...new Set([...rule.conditionFields, ...rule.output.fields].map((field) => field.name)),
    ].toSorted(),
  };
}

/** The parts of a condition that must all hold. */
function clausesOf(expression: Expression): readonly Expression[] {
  return expression.kind === "and" ? expression.operands.flatMap(clausesOf) : [expression];
}
