import { configError, joinedErrors } from "../config/config-node.ts";
import type { Settings } from "../config/settings.ts";
import type { FieldRegistry } from "../fields/field.ts";
import { FIELDS } from "../fields/registry.ts";
import { withStaticFields } from "../fields/static-fields.ts";
import { appendedOutputErrors, type AppendedOutputError } from "../rules/append-output.ts";

/**
 * The fields that rules may ask for under these settings. Throws `CONFIG_VALUE` where
 * `append_output` asks for others: once and with its own place, not once for each rule.
 */
export function fieldsFor({ staticFields, appendOutput }: Settings): FieldRegistry {
  const fields = withStaticFields(FIELDS, staticFields);
  const problem = joinedErrors(appendedOutputErrors(appendOutput, fields).map(asConfigError));
  if (problem !== undefined) throw problem;
  return fields;
}

function asConfigError({ error, at }: AppendedOutputError) {
  const place = at ?? { source: "append_output", line: 0, column: 0, length: 0 };
  return configError(
    "CONFIG_VALUE",
    place,
    `"append_output" is for no output: ${error.message}`,
    error.hint,
  );
}
