import { outputFields, type OutputValue, renderOutput, valueOf } from "../rules/output.ts";
import type { Alerting } from "../rules/rule-set.ts";
import type { Scene } from "../state/scene.ts";
import type { Alert } from "./alert.ts";

/** The alert of a rule that matched a scene. */
export function makeAlert(rule: Alerting, scene: Scene, uuid: string): Alert {
  return {
    rule: rule.name,
    priority: rule.priority,
    source: rule.source,
    tags: rule.tags,
    time: scene.event.timestamp,
    hostname: scene.hostname,
    message: renderOutput(rule.output, scene),
    outputFields: { ...outputFields(rule.output, scene), ...extraFields(rule, scene) },
    uuid,
  };
}

function extraFields(rule: Alerting, scene: Scene): Record<string, OutputValue> {
  const values: Record<string, OutputValue> = {};
  for (const { key, isRaw, template } of rule.extraFields) {
    const [field] = template.named;
    values[key] =
      isRaw && field !== undefined ? valueOf(field.operand, scene) : renderOutput(template, scene);
  }
  return values;
}
