import { FIELDS } from "../fields/registry.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { compileCondition } from "../rules/compile-condition.ts";
import { ConditionError } from "../rules/condition-error.ts";
import { parseCondition } from "../rules/parse-condition.ts";
import type { Scene } from "../state/scene.ts";

/** The events that `--where` means. Throws `USAGE_WHERE` for a condition that is none. */
export function parseWhere(text: string): (scene: Scene) => boolean {
  try {
    return compileCondition(parseCondition(text), FIELDS).predicate;
  } catch (thrown) {
    const hint = thrown instanceof ConditionError ? thrown.hint : undefined;
    throw new AppError("USAGE_WHERE", `Cannot use --where "${text}": ${messageOf(thrown)}`, {
      hint: hint ?? 'write a condition, such as "proc.name = cat and fd.name startswith /etc"',
    });
  }
}
