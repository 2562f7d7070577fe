/** What a key of an item may do, by Falco's rules format. */
interface KeyRule {
  readonly required?: true;
  readonly append?: true;
  readonly replace?: true;
}

export type ItemKind = "rule" | "macro" | "list";

/** One table: the keys of each kind of item, and which of them `override` may append to or replace. */
export const ITEM_KEYS: Readonly<Record<ItemKind, Readonly<Record<string, KeyRule>>>> = {
  list: {
    list: { required: true },
    items: { required: true, append: true, replace: true },
    append: {},
    override: {},
  },
  macro: {
    macro: { required: true },
    condition: { required: true, append: true, replace: true },
    append: {},
    override: {},
  },
  rule: {
    rule: { required: true },
    condition: { required: true, append: true, replace: true },
    output: { required: true, append: true, replace: true },
    desc: { required: true, append: true, replace: true },
    priority: { required: true, replace: true },
    source: {},
    enabled: { replace: true },
    tags: { append: true, replace: true },
    exceptions: { append: true, replace: true },
    warn_evttypes: { replace: true },
    "skip-if-unknown-filter": { replace: true },
    capture: { replace: true },
    capture_duration: { replace: true },
    append: {},
    override: {},
  },
};

/** All words that an item may begin with. */
export const ITEM_WORDS: readonly string[] = ["rule", "macro", "list", "required_engine_version", "required_plugin_versions"];
