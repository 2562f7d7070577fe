import { EVENT_TYPES } from "../../src/events/schema.ts";
import { type BaseSyscalls, selectedCalls } from "../../src/rules/selected-calls.ts";
import { syscallName } from "../../src/events/system-calls.ts";
import { FIELDS } from "../../src/fields/registry.ts";
import { loadRules } from "../../src/rules/load-rules.ts";
import type { LoadedRule } from "../../src/rules/loaded-rule.ts";
import { type Case, text, type Verdict } from "./case-file.ts";

/** `interesting_syscalls`: the calls that rules ask for, and those that are traced for them. */
export function assessSelection(one: Case): Verdict {
  const { rules } = loadRules([{ name: "rules.yaml", text: text(one["rules_content"]) }], {
    fields: FIELDS,
    plugins: "unchecked",
  });
  const asked = rules.flatMap(callsOf);
  const base = one["base_syscalls"] as { custom_set: string[]; repair: boolean; all: boolean };
  const wanted: BaseSyscalls = { ...base, customSet: base.custom_set };
  const answers = [
    [asked, one["rules_syscalls"]],
    [selectedCalls(asked, wanted), one["selected_syscalls"]],
  ] as const;
  for (const [got, expected] of answers) {
    const [is, should] = [new Set(got), new Set(expected as string[])];
    const wrong = [...is.symmetricDifference(should)];
    if (wrong.length > 0) return wrong.join();
  }
  return true;
}

function callsOf({ eventCodes, genericCalls }: LoadedRule): readonly string[] {
  const events = [...eventCodes].flatMap((code) => EVENT_TYPES[code] ?? []);
  return [
    ...events.flatMap(({ source, name }) =>
      source === "syscall" && name !== "syscall" ? [name] : [],
    ),
    ...[...genericCalls].flatMap((call) => syscallName(call) ?? []),
  ];
}
