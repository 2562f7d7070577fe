import { isIP } from "node:net";
import { isAbsolute, normalize } from "node:path";
import { rateOf } from "../outputs/digest.ts";
import type { ConfigNode } from "./config-node.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Refuses a value: what it must be instead. */
export type Fail = (state: string, node?: ConfigNode) => never;

/** What values of a key look like: read, described, and for editors. */
export interface ValueType<Value> {
  /** In words, for the documentation. */
  readonly name: string;
  readonly schema: Schema;
  /** Calls `fail` for what is no such value. */
  read(node: ConfigNode, fail: Fail): Value;
}

function textIn(node: ConfigNode, fail: Fail): string {
  return node.kind === "scalar" && node.text !== null
    ? node.text
    : fail("must be a single value", node);
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  y: true,
  false: false,
  no: false,
  off: false,
  n: false,
};

/** True or false, in any of YAML's words for them. */
export const FLAG: ValueType<boolean> = {
  name: "true or false",
  schema: { type: "boolean" },
  read: (node, fail) =>
    BOOLEANS[textIn(node, fail).toLowerCase()] ?? fail("must be true or false", node),
};

/** A text; numbers and flags are taken as they are written. */
export const TEXT: ValueType<string> = {
  name: "text",
  schema: { type: ["string", "number", "boolean"] },
  read: textIn,
};

/** A list of texts; one alone may stand without its list, and nothing is none. */
export const TEXTS: ValueType<readonly string[]> = {
  name: "list of texts",
  schema: { type: ["array", "string", "null"], items: TEXT.schema },
  read: (node, fail) => {
    if (node.kind === "list") return node.items.map((item) => textIn(item, fail));
    return node.kind === "scalar" && node.text === null ? [] : [textIn(node, fail)];
  },
};

/** A list of words; of one text the words between its commas. */
export const WORDS: ValueType<readonly string[]> = {
  ...TEXTS,
  name: "list of words",
  read: (node, fail) =>
    TEXTS.read(node, fail)
      .flatMap((text) => text.split(","))
      .map((text) => text.trim())
      .filter((text) => text !== ""),
};

/** Headers as `name:value,name:value`, or a map of them; a value may have commas, a name no quotes. */
export const PAIRS: ValueType<string> = {
  name: "map of name: value",
  schema: { type: ["object", "string", "null"], additionalProperties: TEXT.schema },
  read: (node, fail) => {
    const text =
      node.kind === "map"
        ? [...node.entries].map(([name, { value }]) => `${name}:${textIn(value, fail)}`).join(",")
        : textIn(node, fail);
    // What it cannot be read as would be left out, and with it who is allowed to send.
    const isPair = (pair: string, index: number): boolean =>
      HEADER_LINE.test(pair) || (!pair.includes(":") && index > 0);
    if (text.trim() === "" || text.split(",").every(isPair)) return text;
    return fail("must be headers as Name:value,Name:value, without quotes around them", node);
  },
};

const HEADER_LINE = /^\s*[\w-]+\s*:.*\s*$/;

/** One address of http or https, whose scheme may be missing; a list of one counts as that one. */
export const HTTP_URL: ValueType<string> = {
  name: "address of http or https",
  schema: { type: ["string", "array"], items: TEXT.schema },
  read: (node, fail) => {
    const [only, ...others] = node.kind === "list" ? node.items : [node];
    const text = only === undefined ? "" : textIn(only, fail);
    const address = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`;
    const isOne = others.length === 0 && !text.includes(",") && /^https?:/i.test(address);
    if (text === "" || (isOne && URL.canParse(address))) return text;
    return fail("must be one address of http or https, as http://HOST:PORT", node);
  },
};

/** So many in a time, or nothing for no limit. */
export const RATE: ValueType<string> = {
  ...TEXT,
  name: "number/time, as 20/1m",
  read: (node, fail) => {
    const text = TEXT.read(node, fail).trim();
    const isRate = text === "" || rateOf(text) !== undefined;
    return isRate ? text : fail("must be a number and a time from 1s to 1d, as 20/1m", node);
  },
};

/** A whole number within bounds; `unit` in words. */
export function whole(unit: string, minimum: number, maximum: number): ValueType<number> {
  return {
    name: `whole number of ${unit}`,
    schema: { type: "integer", minimum, maximum },
    read: (node, fail) => {
      const text = textIn(node, fail).trim();
      const value = Number(text);
      return /^[+-]?\d+$/.test(text) && value >= minimum && value <= maximum
        ? value
        : fail(`must be a whole number of ${unit} from ${minimum} to ${maximum}`, node);
    },
  };
}

/** A number within bounds. */
export function decimal(minimum: number, maximum: number): ValueType<number> {
  return {
    name: "number",
    schema: { type: "number", minimum, maximum },
    read: (node, fail) => {
      const text = textIn(node, fail).trim();
      const value = Number(text);
      return text !== "" && value >= minimum && value <= maximum
        ? value
        : fail(`must be a number from ${minimum} to ${maximum}`, node);
    },
  };
}

/** One of some words, in any case; what the word means comes from `parse`. */
export function word<Value>(
  words: readonly string[],
  parse: (text: string) => Value | undefined,
): ValueType<Value> {
  const list = words.filter((text) => text !== "").join(", ");
  return {
    name: `one of ${list}`,
    schema: wordSchema(words),
    read: (node, fail) => {
      const text = textIn(node, fail);
      return parse(text) ?? fail(`must be one of ${list}, not "${text}"`, node);
    },
  };
}

/** As people write words: so, with a capital, and those that are numbers as numbers, too. */
function wordSchema(words: readonly string[]): Schema {
  const capitals = words.map((text) => text.charAt(0).toUpperCase() + text.slice(1));
  const spelled = { enum: [...new Set([...words, ...capitals])] };
  const numbers = words.filter((text) => /^\d+$/.test(text)).map(Number);
  // Not in one list: a validator of Helm's takes 1 and "1" there for the same.
  return numbers.length === 0 ? spelled : { anyOf: [spelled, { enum: numbers }] };
}

/** A section of which no key means anything here. */
export const SECTION: ValueType<ConfigNode | undefined> = {
  name: "map of keys",
  schema: { type: ["object", "null"] },
  read: (node, fail) => (node.kind === "map" ? node : fail("must be a map of keys", node)),
};

/** An address of IPv4 or IPv6. */
export const IP_ADDRESS: ValueType<string> = {
  name: "IP address",
  schema: { type: "string" },
  read: (node, fail) => {
    const text = textIn(node, fail);
    return isIP(text) > 0 ? text : fail("must be an IP address", node);
  },
};

/** Plug-ins as Falco wants them: each has a name and a library that stays in its folder. */
export const PLUGINS: ValueType<ConfigNode | undefined> = {
  name: "list of plug-ins",
  schema: {
    type: ["array", "null"],
    items: { type: "object", required: ["name", "library_path"] },
  },
  read: (node, fail) => {
    for (const item of node.kind === "list" ? node.items : []) {
      const [name, library] = ["name", "library_path"].map((key) =>
        item.kind === "map" ? item.entries.get(key)?.value : undefined,
      );
      if (name === undefined || library === undefined)
        return fail("has a name and a library_path for each", item);
      const path = textIn(library, fail);
      if (!isAbsolute(path) && normalize(path).startsWith(".."))
        return fail("has a library_path that leaves the plug-ins' folder", library);
    }
    return node;
  },
};

/** Files and folders, each alone or with how it is joined: `{path, strategy}`. */
export const CONFIG_FILES: ValueType<readonly string[]> = {
  name: "list of paths, or of `{path, strategy}`",
  schema: {
    type: ["array", "string", "null"],
    items: {
      type: ["string", "object"],
      properties: {
        path: { type: "string" },
        strategy: { enum: ["append", "override", "add-only"] },
      },
      required: ["path"],
    },
  },
  read: (node, fail) => {
    const items = node.kind === "list" ? node.items : [node];
    return items.map((item) => {
      const path = item.kind === "map" ? item.entries.get("path")?.value : item;
      return textIn(path ?? item, fail);
    });
  },
};

/** Anything: of keys that mean nothing here. */
export const ANYTHING: ValueType<ConfigNode | undefined> = {
  name: "anything",
  schema: {},
  read: (node) => node,
};
