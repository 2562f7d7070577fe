import { type Environment, variable } from "./variable.ts";

/** A variable whose value names itself is not followed further than this. */
const MAX_DEPTH = 8;

/**
 * `${NAME}` in a value becomes the variable's value, in which variables are expanded, too; one that
 * is not set is empty, where `NAME_FILE` names no file that has it. `$${NAME}` stays `${NAME}`. As in Falco, a `$` before anything else ends the
 * expansion: the rest stays as it is. Throws `CONFIG_SECRET`.
 */
export function expandVariables(text: string, environment: Environment, depth = 0): string {
  let expanded = "";
  let at = 0;
  for (;;) {
    const dollar = text.indexOf("$", at);
    if (dollar < 0) return expanded + text.slice(at);
    expanded += text.slice(at, dollar);
    const end = text.indexOf("}", dollar);
    if (text.startsWith("$${", dollar)) {
      expanded += "${";
      at = dollar + 3;
    } else if (text[dollar + 1] === "{" && end >= 0) {
      const value = variable(text.slice(dollar + 2, end), environment) ?? "";
      expanded += depth < MAX_DEPTH ? expandVariables(value, environment, depth + 1) : value;
      at = end + 1;
    } else return expanded + text.slice(dollar);
  }
}
