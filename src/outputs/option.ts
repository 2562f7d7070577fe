/** One key of an output's section in the configuration. */
export interface Option<Value> {
  /** As it stands in the file, below the section. */
  readonly key: string;
  readonly default: Value;
  readonly doc: string;
  /** Of a text, or of each in a list: the only values that it may have, in any case. */
  readonly words?: readonly string[];
  /** Of a text: `name:value,…`, which may stand as a map. */
  readonly isMap?: true;
  /** Of a text: one address of http or https. */
  readonly isUrl?: true;
  /** Of a text: `20/1m`, or nothing. */
  readonly isRate?: true;
  /** Never shown. */
  readonly secret?: true;
  /** Of a number. */
  readonly minimum?: number;
  /** Why the key has no effect here. */
  readonly neutral?: string;
}

/** Every option of an output, by its name in the program. */
export type OptionTable<Options> = {
  readonly [Name in keyof Options]-?: Option<Options[Name]>;
};

/** Whether an output is used at all; each has it. */
export interface Switch {
  readonly enabled: boolean;
}

/** The option that each output has. */
export function enabledOption(byDefault: boolean): Option<boolean> {
  return { key: "enabled", default: byDefault, doc: "Whether alerts go there." };
}

/** What holds where the configuration says nothing. */
export function defaultsOf<Options extends object>(table: OptionTable<Options>): Options {
  const entries = Object.entries<Option<unknown>>(table);
  return Object.fromEntries(entries.map(([name, option]) => [name, option.default])) as Options;
}
