/** What stands behind a key of an item. */
export type KeyValue =
  | "name"
  | "condition"
  | "text"
  | "texts"
  | "fields"
  | "boolean"
  | "priority"
  | "milliseconds"
  | "exceptions"
  | "threshold"
  | "duration"
  | "override";

/**
 * A key of an item: what it holds, what it is for, and what may be done to it later (Falco, rules
 * format).
 */
interface KeyRule {
  readonly value: KeyValue;
  readonly doc: string;
  readonly required?: true;
  /** `override` may append to it. */
  readonly append?: true;
  /** `override` may replace it. */
  readonly replace?: true;
}

/** The kinds of items that have keys of their own. */
export type ItemKind = "rule" | "macro" | "list" | "count" | "sequence";

const APPEND = {
  value: "boolean",
  doc: "Adds to the item of the same name that was defined before. Deprecated: write override",
} as const;
const OVERRIDE = {
  value: "override",
  doc: "Which keys of the item defined before are changed here, and whether by append or replace",
} as const;

/** What a count and a sequence have in common. */
const CORRELATION = {
  within: {
    value: "duration",
    required: true,
    replace: true,
    doc: "The most time from the first match to the last, such as 30s, 5m or 2h; at most 24h",
  },
  output: {
    value: "text",
    required: true,
    replace: true,
    doc: "What an alert says: text with %fields of the last event, and %saker.matches, %saker.span",
  },
  desc: { value: "text", required: true, replace: true, doc: "What it is about, for people" },
  priority: { value: "priority", required: true, replace: true, doc: "How urgent an alert is" },
  enabled: {
    value: "boolean",
    replace: true,
    doc: "Whether it is switched on; true when left out",
  },
  tags: { value: "texts", replace: true, doc: "Words that it is switched and routed by" },
  override: OVERRIDE,
} as const;

/**
 * One table: the keys of each kind of item. The checks, did-you-mean and the JSON Schema are
 * derived from it.
 */
export const ITEM_KEYS: Readonly<Record<ItemKind, Readonly<Record<string, KeyRule>>>> = {
  list: {
    list: {
      value: "name",
      required: true,
      doc: "Name of the list, which conditions write in place of its items",
    },
    items: {
      value: "texts",
      required: true,
      append: true,
      replace: true,
      doc: "What the list holds: values, or names of other lists",
    },
    append: APPEND,
    override: OVERRIDE,
  },
  macro: {
    macro: {
      value: "name",
      required: true,
      doc: "Name of the macro, which conditions write in place of its condition",
    },
    condition: {
      value: "condition",
      required: true,
      append: true,
      replace: true,
      doc: "The condition that the name stands for",
    },
    append: APPEND,
    override: OVERRIDE,
  },
  rule: {
    rule: { value: "name", required: true, doc: "Name of the rule, the same in every alert of it" },
    condition: {
      value: "condition",
      required: true,
      append: true,
      replace: true,
      doc: "Which events the rule is for",
    },
    output: {
      value: "text",
      required: true,
      append: true,
      replace: true,
      doc: "What an alert says: text with %fields",
    },
    desc: {
      value: "text",
      required: true,
      append: true,
      replace: true,
      doc: "What the rule is about, for people",
    },
    priority: { value: "priority", required: true, replace: true, doc: "How urgent an alert is" },
    source: { value: "text", doc: "Where its events come from; system calls when left out" },
    enabled: {
      value: "boolean",
      replace: true,
      doc: "Whether the rule is switched on; true when left out",
    },
    tags: {
      value: "texts",
      append: true,
      replace: true,
      doc: "Words that rules are switched and routed by",
    },
    exceptions: {
      value: "exceptions",
      append: true,
      replace: true,
      doc: "What the rule is not for: named combinations of fields, operators and values",
    },
    warn_evttypes: {
      value: "boolean",
      replace: true,
      doc: "false: no warning when the condition may match nearly any event",
    },
    "skip-if-unknown-filter": {
      value: "boolean",
      replace: true,
      doc: "true: a field that this version does not know leaves the rule out with a warning instead of an error",
    },
    capture: { value: "boolean", replace: true, doc: "true: the events around a match are kept" },
    capture_duration: {
      value: "milliseconds",
      replace: true,
      doc: "How long such a capture lasts, in milliseconds",
    },
    append: APPEND,
    override: OVERRIDE,
  },
  count: {
    count: {
      value: "name",
      required: true,
      doc: "Name of the count, the same in every alert of it. Saker's own: Falco skips it with a warning",
    },
    rules: {
      value: "texts",
      required: true,
      replace: true,
      doc: "Rules whose matches are counted together, also where they are switched off and alert of nothing themselves",
    },
    by: {
      value: "fields",
      replace: true,
      doc: "Fields: matches that have the same values there are counted together; all when left out",
    },
    threshold: {
      value: "threshold",
      required: true,
      replace: true,
      doc: "So many matches make an alert, 2 to 10000; the next alert takes as many again",
    },
    ...CORRELATION,
  },
  sequence: {
    sequence: {
      value: "name",
      required: true,
      doc: "Name of the sequence, the same in every alert of it. Saker's own: Falco skips it with a warning",
    },
    rules: {
      value: "texts",
      required: true,
      replace: true,
      doc: "Rules that match one after the other, also where they are switched off and alert of nothing themselves",
    },
    by: {
      value: "fields",
      replace: true,
      doc: "Fields that have the same values in all these matches, such as container.id and proc.sid",
    },
    ...CORRELATION,
  },
};

/** All words that make an item what it is; of several in one item the first counts. */
export const ITEM_WORDS: readonly string[] = [
  "required_engine_version",
  "required_plugin_versions",
  "list",
  "macro",
  "rule",
  "count",
  "sequence",
];
