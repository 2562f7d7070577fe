import type { Place } from "../lib/errors.ts";
import {
  configError,
  type ConfigNode,
  type ListNode,
  type MapEntry,
  type MapNode,
  parseConfigText,
  scalarNode,
} from "./config-node.ts";
import { expandVariables } from "./expand.ts";
import type { Environment } from "./variable.ts";

/** A step of a key's path: a name, a list's index, or a list's end. */
type Step = string | number | typeof END;

const END: unique symbol = Symbol("the list's end");

/**
 * Applies `key=value` as Falco's `-o` does: `a.b[0].c`, `a[]` for a list's end, `\.`, `\[` and `\\`
 * for the characters themselves; a value that starts with `{` is YAML. Throws `CONFIG_OPTION`.
 */
export function applyOverride(root: MapNode, option: string, environment: Environment): MapNode {
  const place: Place = { source: `-o ${option}`, line: 0, column: 0, length: 0 };
  const equals = option.indexOf("=");
  if (equals <= 0)
    throw configError("CONFIG_OPTION", place, "it must read key=value or key.subkey=value");
  const value = valueOf(option.slice(equals + 1), place, environment);
  const steps = parsePath(option.slice(0, equals), place);
  return put(root, steps, value) as MapNode;
}

/**
 * What stands at a key's path (`a.b[0].c`); undefined where nothing does. Throws `CONFIG_OPTION`
 * for what is no path.
 */
export function nodeAt(root: ConfigNode, path: string): ConfigNode | undefined {
  const place: Place = { source: path, line: 0, column: 0, length: 0 };
  let node: ConfigNode | undefined = root;
  for (const step of parsePath(path, place)) {
    if (step === END) throw configError("CONFIG_OPTION", place, "[ ] must hold a number here");
    if (typeof step === "number") node = node?.kind === "list" ? node.items[step] : undefined;
    else node = node?.kind === "map" ? node.entries.get(step)?.value : undefined;
  }
  return node;
}

function valueOf(text: string, place: Place, environment: Environment): ConfigNode {
  if (text.startsWith("{")) {
    try {
      return parseConfigText({ source: place.source, text, environment });
    } catch {
      // As in Falco: what is no YAML is text.
    }
  }
  return scalarNode(expandVariables(text, environment), place);
}

/** Throws `CONFIG_OPTION`. */
function parsePath(text: string, place: Place): readonly Step[] {
  const steps: Step[] = [];
  let name = "";
  const endName = (): void => {
    if (name !== "") steps.push(name);
    name = "";
  };
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === "\\") {
      at += 1;
      if (!".[]\\".includes(text[at] ?? "x"))
        throw configError("CONFIG_OPTION", place, `there is no escape "\\${text[at] ?? ""}"`);
      name += text[at];
    } else if (char === ".") endName();
    else if (char === "[") {
      endName();
      const close = text.indexOf("]", at);
      const index = close < 0 ? "x" : text.slice(at + 1, close);
      if (!/^\d{0,6}$/.test(index))
        throw configError("CONFIG_OPTION", place, "[ ] must hold the number of a list's item");
      steps.push(index === "" ? END : Number(index));
      at = close;
      if (!".".includes(text[at + 1] ?? ""))
        throw configError("CONFIG_OPTION", place, "[ ] must end a name");
    } else name += char;
  }
  endName();
  return steps;
}

/** A tree in which the path leads to the value; what is in its way is replaced. */
export function put(
  node: ConfigNode | undefined,
  steps: readonly Step[],
  value: ConfigNode,
): ConfigNode {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  if (step === END || typeof step === "number") {
    const items = node?.kind === "list" ? [...node.items] : [];
    const index = step === END ? items.length : step;
    // yaml-cpp makes a map of a list that would have a gap; readers of lists refuse it.
    if (node?.kind === "list" && index > items.length)
      return put(asIndexed(node), [String(index), ...rest], value);
    items[Math.min(index, items.length)] = put(items[index], rest, value);
    return { kind: "list", items, place: value.place };
  }
  const entries = new Map<string, MapEntry>(node?.kind === "map" ? node.entries : []);
  const old = entries.get(step);
  entries.set(step, { place: value.place, value: put(old?.value, rest, value) });
  const repeated = node?.kind === "map" ? node.repeated : [];
  return { kind: "map", entries, repeated, place: node?.place ?? value.place };
}

/** A list's items by their numbers. */
function asIndexed({ items, place }: ListNode): MapNode {
  const entries = items.map((value, at): [string, MapEntry] => [
    String(at),
    { place: value.place, value },
  ]);
  return { kind: "map", entries: new Map(entries), repeated: [], place };
}
