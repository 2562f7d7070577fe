import { type Alert, OPEN_PORT_TAG } from "../alerts/alert.ts";
import { openedPort } from "../alerts/opened-port.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import type { BoundOperand } from "../rules/operands.ts";
import { compileOutput, textOf } from "../rules/output.ts";
import type { CompiledRule } from "../rules/rule-set.ts";
import type { Scene } from "../state/scene.ts";
import { type AlertFacts, UNKNOWN_PORT } from "./repeated-alerts.ts";

/**
 * What alerts are known by before they are made; `fields` tell those of one rule apart. Throws
 * `CONFIG_VALUE` for a name that is no field's.
 */
export function factsOfScenes(
  fields: readonly string[],
): (rule: Pick<CompiledRule, "name" | "tags">, scene: Scene) => AlertFacts {
  const container = operandOf("container.id");
  const port = ["fd.l4proto", "fd.sip", "fd.sport"].map(operandOf);
  const values = fields.map(operandOf);
  return ({ name, tags }, scene) => ({
    rule: name,
    container: textOf(container, scene),
    values: values.map((one) => textOf(one, scene)),
    port: tags.includes(OPEN_PORT_TAG) ? joined(port.map((one) => textOf(one, scene))) : undefined,
  });
}

/** The same of a ready-made alert, by its output fields. */
export function factsOfAlert(alert: Alert, fields: readonly string[]): AlertFacts {
  const { rule, tags, outputFields } = alert;
  const text = (name: string): string | undefined => {
    const value = outputFields[name];
    return value === undefined || value === null ? undefined : String(value);
  };
  return {
    rule,
    container: text("container.id"),
    values: fields.map(text),
    port: tags.includes(OPEN_PORT_TAG) ? portOf(alert) : undefined,
  };
}

function operandOf(name: string): BoundOperand {
  try {
    const [first, ...rest] = compileOutput(`%${name}`, FIELDS).tokens;
    // An output takes the longest name that there is, and the rest as text.
    if (first?.kind === "field" && rest.length === 0) return first.operand;
    throw new Error("there is no such field");
  } catch (thrown) {
    throw new AppError(
      "CONFIG_VALUE",
      `Cannot tell alerts apart by "${name}": ${messageOf(thrown)}`,
      { hint: "repeated_alerts.fields are names that saker fields lists", cause: thrown },
    );
  }
}

function portOf(alert: Alert): string {
  const { protocol, address, port } = openedPort(alert) ?? {};
  return joined([protocol, address, port === undefined ? undefined : String(port)]);
}

/** What is not known of a port may be what tells it from another. */
function joined(parts: readonly (string | undefined)[]): string {
  return parts.includes(undefined) ? UNKNOWN_PORT : parts.join(" ");
}
