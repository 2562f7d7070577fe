import { quoteValue } from "../../src/rules/quote-value.ts";
import type { StoredAlert } from "../../src/web/schemas/alert.ts";

/**
 * An exception in Falco's rules language that leaves out alerts of this rule whose named fields have
 * this alert's values: to be put into a file of rules. Each value is one string or number of YAML.
 */
export function exceptionText(
  { rule, uuid, output_fields }: Pick<StoredAlert, "rule" | "uuid" | "output_fields">,
  names: readonly string[],
): string {
  // A value becomes a word of the condition as it stands: without quotes a container's own words
  // would be read as more of the condition.
  const values = names.map((name) => {
    const value = output_fields[name] ?? null;
    return typeof value === "number" ? String(value) : yamlText(quoteValue(String(value)));
  });
  return `- rule: ${yamlText(rule)}
  exceptions:
    - name: ${yamlText(`except_${uuid.slice(0, 8)}`)}
      fields: [${names.join(", ")}]
      comps: [${names.map(() => "=").join(", ")}]
      values:
        - [${values.join(", ")}]
  override:
    exceptions: append
`;
}

/** Fields that say who did it, and not when: what an exception is usually about. */
export function usualExceptionFields(fields: StoredAlert["output_fields"]): readonly string[] {
  return USUAL.filter((name) => isExceptable(name, fields[name] ?? null)).slice(0, 3);
}

/**
 * True for a field that an exception can compare: Falco takes no empty values there, and no text of
 * a file of rules holds a NUL.
 */
export function isExceptable(name: string, value: StoredAlert["output_fields"][string]): boolean {
  if (typeof value === "object" || value === "" || String(value).includes("\0")) return false;
  return /^[a-z]+\.[\w.]+(\[[^\],]*\])?$/.test(name);
}

/** A string of JSON is one of YAML's double-quoted scalars (YAML 1.2, section 10.2). */
function yamlText(value: string): string {
  return JSON.stringify(value);
}

const USUAL = [
  "proc.name",
  "proc.exepath",
  "proc.pname",
  "container.image.repository",
  "container.name",
  "fd.name",
];
