import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { AppError, messageOf } from "../lib/errors.ts";
import { folderNames, isEmbedded, PROGRAM, readShipped } from "../shipped/shipped-files.ts";
import { whoElseWrites } from "../untrusted/who-else-writes.ts";
import { yamlText } from "../yaml/yaml-text.ts";

/** The name under which rules of one's own are found without being asked for. */
const CUSTOM_RULES = "falco_custom_rules.yaml";

/** The folder of the rules that Saker ships. */
export const SHIPPED_RULES: string = `${join(PROGRAM, "rules")}/`;

/** The tests of the rules that Saker ships. */
export const SHIPPED_TESTS: string = join(SHIPPED_RULES, "saker_rules.test.yaml");

const BASE_RULES = join(SHIPPED_RULES, "base", "falco_names.yaml");

/** The macros and lists that lie beneath all rules files: those of Falco's own stable file. */
export function baseRules(): RuleFile {
  return { name: BASE_RULES, text: readText(BASE_RULES) };
}

/** The text of one rules file, by the name that messages give it. */
export interface RuleFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Reads rule files in order; of a folder its `.yaml` and `.yml` files by name, but hidden ones.
 * Without paths: the shipped rules, then `falco_custom_rules.yaml` beside them and in the current
 * folder. Throws `CONFIG_RULES` when something is not there, or when that one was found where others
 * may write it.
 */
export function readRuleFiles(paths: readonly string[]): RuleFile[] {
  const names = ruleFileNames(paths);
  if (paths.length === 0) names.filter((name) => name === foundRules()).forEach(requireTrusted);
  return names.map((name) => ({ name, text: readText(name) }));
}

/** Nobody has named it: whoever left it in a folder is not to decide what is watched. */
function requireTrusted(path: string): void {
  const who = whoElseWrites(path);
  if (who === undefined) return;
  throw new AppError("CONFIG_RULES", `Cannot load rules from "${path}": ${who}`, {
    hint: `it was found in the current folder; if it is yours, "chown root" and "chmod go-w" it and its folder, or name it: --rules ${SHIPPED_RULES} --rules ${path}`,
  });
}

/**
 * The names of the files that `readRuleFiles` would read now. Throws `CONFIG_RULES` when something
 * is not there.
 */
export function ruleFileNames(paths: readonly string[]): readonly string[] {
  const files = paths.length > 0 ? paths.flatMap(expand) : defaultFiles();
  if (files.length > 0) return files;
  throw new AppError(
    "CONFIG_RULES",
    `Cannot load rules from ${paths.map((path) => `"${path}"`).join(", ")}: no .yaml or .yml file there`,
  );
}

/**
 * The folders in which a change may change what `readRuleFiles` reads: those given, and those that
 * given files are in. They need not exist.
 */
export function ruleFolders(paths: readonly string[]): readonly string[] {
  // What lies within the program does not change while it runs.
  const places = (paths.length === 0 ? [SHIPPED_RULES] : paths).filter((path) => !isEmbedded(path));
  if (paths.length === 0) return [...places, resolve(".")];
  // Of a folder the one around it, too: a link may be turned to another folder.
  return [
    ...new Set(
      places.flatMap((path) =>
        isFolder(path) ? [resolve(path), dirname(resolve(path))] : [dirname(resolve(path))],
      ),
    ),
  ];
}

function defaultFiles(): string[] {
  const shipped = expand(SHIPPED_RULES).filter(
    (path) => !path.endsWith(`/${CUSTOM_RULES}`) && !path.endsWith(".test.yaml"),
  );
  const custom = [join(SHIPPED_RULES, CUSTOM_RULES), foundRules()].filter((path) =>
    existsSync(path),
  );
  return [...shipped, ...new Set(custom)];
}

function foundRules(): string {
  return resolve(CUSTOM_RULES);
}

function expand(path: string): string[] {
  let inside: readonly string[] | undefined;
  try {
    inside = folderNames(path);
  } catch (thrown) {
    throw new AppError("CONFIG_RULES", `Cannot load rules from "${path}": ${messageOf(thrown)}`, {
      hint: "name a rules file or a folder of them with --rules, or leave it out for the shipped rules",
    });
  }
  if (inside === undefined) return [path];
  // Hidden ones are what editors leave while they write, and what Kubernetes links a mounted folder
  // through.
  const names = inside.filter(
    (name) => /\.ya?ml$/.test(name) && !name.startsWith(".") && !name.endsWith(".test.yaml"),
  );
  return names.toSorted().map((name) => join(path, name));
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function readText(path: string): string {
  try {
    return yamlText(readShipped(path));
  } catch (thrown) {
    throw new AppError("CONFIG_RULES", `Cannot read rules file "${path}": ${messageOf(thrown)}`);
  }
}
