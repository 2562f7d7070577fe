import { compileGlob } from "./glob.ts";

/**
 * One entry of `rules` (falco.yaml): switches rules on or off by name, where `*` stands for
 * anything, or by a tag.
 */
export interface RuleSelection {
  readonly action: "enable" | "disable";
  readonly by: { readonly rule: string } | { readonly tag: string };
}

interface Selectable {
  readonly name: string;
  readonly tags: readonly string[];
  readonly enabled: boolean;
  /** False: less urgent than what is asked for, and not to be switched on. */
  readonly isUrgent?: boolean;
}

/**
 * The rules that are switched on once every entry is applied in its order. As in Falco, those that
 * an entry switched on come behind those that were on, which matters where the first rule that
 * matches is the only one that is told.
 */
export function selectRules<Rule extends Selectable>(
  rules: readonly Rule[],
  selections: readonly RuleSelection[],
): readonly Rule[] {
  const enabled = new Set(rules.filter((rule) => rule.enabled));
  for (const { action, by } of selections) {
    const isMeant = "rule" in by ? compileWildcard(by.rule) : undefined;
    for (const rule of rules) {
      if (rule.isUrgent === false) continue;
      if (!("tag" in by ? rule.tags.includes(by.tag) : isMeant?.(rule.name) === true)) continue;
      if (action === "disable") enabled.delete(rule);
      else enabled.add(rule);
    }
  }
  return [...enabled];
}

/** A name pattern in which `*` alone is special. Pattern and name are compared whole. */
export function compileWildcard(pattern: string): (name: string) => boolean {
  return compileGlob(pattern.replaceAll(/[?[\]\\]/g, "\\$&"));
}
