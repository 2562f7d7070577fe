import { eventType } from "../events/schema.ts";
import type { Field } from "../fields/field.ts";
import type { RuleOutput } from "./compile-rule-output.ts";

/** What must be known or asked for before a rule, count or sequence is asked, or its alert printed. */
interface Needs {
  readonly needsMetadata: boolean;
  readonly outputNeedsMetadata: boolean;
  readonly needsAccounts: boolean;
  readonly outputNeedsAccounts: boolean;
  readonly needsEnvironment: boolean;
}

/** `asked`: the fields of its condition, or of what it goes by; `eventCodes`: of its events. */
export function needsOf(
  asked: Iterable<Field>,
  { output, extraFields }: RuleOutput,
  eventCodes: ReadonlySet<number>,
): Needs {
  const fields = [...asked];
  const templates = [output, ...extraFields.map(({ template }) => template)];
  const printed: readonly Field[] = templates.flatMap((template) => [...template.fields]);
  return {
    needsMetadata: fields.some((field) => field.metadata === true),
    outputNeedsMetadata: printed.some((field) => field.metadata === true),
    needsAccounts: fields.some((field) => field.accounts === true),
    outputNeedsAccounts: printed.some((field) => field.accounts === true),
    needsEnvironment: [...fields, ...printed].some(
      ({ environment }) =>
        environment === "process" || (environment === "event" && startsPrograms(eventCodes)),
    ),
  };
}

const STARTS = ["execve", "execveat"].map((name) => eventType(name).code);

/** Whether events are among these that have an environment as a parameter. */
function startsPrograms(codes: ReadonlySet<number>): boolean {
  return STARTS.some((code) => codes.has(code));
}
