import { quoteValue } from "./quote-value.ts";
import type { SuggestedException } from "./suggest-exception.ts";

/** What is excepted of one rule, under the name that the exception has. */
export interface RuleException {
  readonly rule: string;
  readonly name: string;
  readonly exception: SuggestedException;
}

/**
 * A rules file that appends these exceptions. Values come out of alerts, so whoever caused them has
 * chosen them: each stands in quotes, and none can say more than itself or be taken for a list's name.
 */
export function overrideFile(exceptions: readonly RuleException[], comment: string): string {
  const items = exceptions.map(({ rule, name, exception: { fields, rows } }) =>
    [
      `- rule: ${yamlText(rule)}`,
      "  exceptions:",
      `    - name: ${name}`,
      `      fields: [${fields.map(yamlText).join(", ")}]`,
      `      comps: [${fields.map(() => '"="').join(", ")}]`,
      "      values:",
      ...rows.map(
        ({ values, count }) =>
          `        - [${values.map((value) => yamlText(quoteValue(value, true))).join(", ")}] # ${count} alerts`,
      ),
      "  override:",
      "    exceptions: append",
      "",
    ].join("\n"),
  );
  return [...comment.split("\n").map((line) => `# ${line}`), "", ...items].join("\n");
}

/** What the exception says, as a condition. */
export function exceptionCondition({ fields, rows }: SuggestedException): string {
  return rows
    .map(({ values }) => {
      const checks = fields.map(
        (field, index) => `${field} = ${quoteValue(values[index] ?? "", true)}`,
      );
      return `(${checks.join(" and ")})`;
    })
    .join(" or ");
}

/** A text on one line, in quotes where YAML would read something else. */
export function yamlText(text: string): string {
  const isPlain =
    /^[A-Za-z_/][\w./@-]*(?:\[\d+\])?$/.test(text) &&
    !/^(?:true|false|yes|no|on|off|null|y|n)$/i.test(text);
  if (isPlain && !text.includes("[")) return text;
  return /[\p{C}\u2028\u2029]/u.test(text)
    ? JSON.stringify(text)
    : `'${text.replaceAll("'", "''")}'`;
}
