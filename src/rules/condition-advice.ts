import type { FieldRegistry } from "../fields/field.ts";
import { type Check, TRANSFORMERS, type Value } from "./ast.ts";
import { ConditionError } from "./condition-error.ts";
import { isPlainRegex } from "./regex.ts";

/**
 * What is most likely not meant as it stands: a field's name as plain text, an expression where a
 * simpler operator would do.
 */
export function adviceOn(
  check: Check,
  values: readonly Value[],
  fields: FieldRegistry,
): ConditionError[] {
  return values.flatMap((value) => {
    const text = value.text.trim();
    const name = /^([a-zA-Z]\w*(?:\.[a-zA-Z]\w*)+)(?:\[.*\])?$/.exec(text)?.[1];
    if (name !== undefined && fields.get(name) !== undefined) {
      return [
        new ConditionError(`"${value.text}" may be a field that stands here as plain text`, {
          ...value,
          hint: `write val(${text}) to compare with the field`,
        }),
      ];
    }
    if (
      TRANSFORMERS.some((transformer) => text.startsWith(`${transformer}(`)) &&
      text.endsWith(")")
    ) {
      return [
        new ConditionError(`"${value.text}" may be a transformer that stands here as plain text`, {
          ...value,
          hint: `write ${text} without quotes`,
        }),
      ];
    }
    if (check.operator === "regex" && isPlainRegex(value.text)) {
      return [
        new ConditionError(`"${value.text}" needs no regular expression`, {
          ...value,
          hint: "=, contains, startswith and endswith are faster",
        }),
      ];
    }
    return [];
  });
}
