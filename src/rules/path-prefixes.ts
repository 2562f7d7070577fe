import { compileGlob, type GlobMatcher } from "./glob.ts";

interface Node {
  isEnd: boolean;
  readonly exact: Map<string, Node>;
  readonly globs: { readonly matches: GlobMatcher; readonly node: Node }[];
}

/**
 * Falco's `pmatch`: true when one of the prefixes is the path or one of its parents, component by
 * component, so `/var/log` matches `/var/log/x` and not `/var/logs`. Components of a prefix may be
 * globs.
 */
export function compilePathPrefixes(prefixes: readonly string[]): (path: string) => boolean {
  const root = newNode();
  for (const prefix of prefixes) add(root, components(prefix));
  const whole = (path: string): boolean => search(root, components(path), 0);
  if (!prefixes.every((prefix) => PLAIN.test(prefix))) return whole;
  // Plain absolute prefixes, which nearly all are, need no components; nor does a path that is
  // normalised.
  const folders = prefixes.map((prefix) => `${prefix}/`);
  return (path) => {
    if (!path.startsWith("/") || path.includes("//")) return whole(path);
    for (let index = 0; index < folders.length; index += 1)
      if (path.startsWith(folders[index] as string) || path === prefixes[index]) return true;
    return false;
  };
}

/** An absolute path without globs, empty components or a slash at its end. */
const PLAIN = /^(?:\/[^/*?[]+)+$/;

function add(root: Node, parts: readonly string[]): void {
  let node = root;
  for (const part of parts)
    node = /[*?[]/.test(part) ? globChild(node, part) : exactChild(node, part);
  node.isEnd = true;
}

function exactChild(node: Node, part: string): Node {
  const child = node.exact.get(part) ?? newNode();
  node.exact.set(part, child);
  return child;
}

function globChild(node: Node, part: string): Node {
  const child = newNode();
  node.globs.push({ matches: compileGlob(part), node: child });
  return child;
}

function search(node: Node, parts: readonly string[], at: number): boolean {
  if (node.isEnd) return true;
  const part = parts[at];
  if (part === undefined) return false;
  const exact = node.exact.get(part);
  if (exact !== undefined && search(exact, parts, at + 1)) return true;
  return node.globs.some((glob) => glob.matches(part) && search(glob.node, parts, at + 1));
}

function components(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}

function newNode(): Node {
  return { isEnd: false, exact: new Map(), globs: [] };
}
