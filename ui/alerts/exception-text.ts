import type { StoredAlert } from "../../src/web/schemas/alert.ts";

/**
 * An exception in Falco's rules language that leaves out alerts of this rule whose named fields have
 * this alert's values: to be put into a file of rules. Each value is one string or number of YAML.
 */
export function exceptionText(
  { rule, uuid, output_fields }: Pick<StoredAlert, "rule" | "uuid" | "output_fields">,
  names: readonly string[],
): string {
  const values = names.map((name) => yamlText(output_fields[name] ?? null));
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
  return USUAL.filter((name) => name in fields && fields[name] !== null).slice(0, 3);
}

/** True for a field that an exception can compare. */
export function isExceptable(name: string, value: StoredAlert["output_fields"][string]): boolean {
  return /^[a-z]+\.[\w.]+(\[[^\],]*\])?$/.test(name) && typeof value !== "object";
}

// A string of JSON is one of YAML's double-quoted scalars (YAML 1.2, section 10.2).
function yamlText(value: StoredAlert["output_fields"][string]): string {
  return typeof value === "number" ? String(value) : JSON.stringify(String(value));
}

const USUAL = [
  "proc.name",
  "proc.exepath",
  "proc.pname",
  "container.image.repository",
  "container.name",
  "fd.name",
];
