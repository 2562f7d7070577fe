import type { Command, Option } from "commander";
import { AppError } from "../lib/errors.ts";
import { printLine } from "./print.ts";

/** `saker completion`: the completion of a shell, made of the command line itself. */
export function printCompletion(program: Command, shell: string): void {
  const make = SHELLS[shell as Shell];
  if (!Object.hasOwn(SHELLS, shell))
    throw new AppError("USAGE_SHELL", `Cannot complete for "${shell}": it is none of ${NAMES}`);
  printLine(make(program).trimEnd());
}

export type Shell = "bash" | "zsh" | "fish";

/** What each shell reads, made of a tree of commands. */
export const SHELLS: Readonly<Record<Shell, (program: Command) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};
const NAMES = Object.keys(SHELLS).join(", ");

/** Names of commands first, then options; where neither fits, or an option takes a value, files. */
function bashCompletion(program: Command): string {
  const name = program.name();
  const cases = allBelow(program).map((command) => {
    const words = [...command.commands.map((one) => one.name()), ...command.options.flatMap(flags)];
    const valued = command.options.filter(takesValue).flatMap(flags);
    return `    ${quoted(pathOf(command))})
      words=${quoted(words.join(" "))}
      valued=${quoted(` ${valued.join(" ")} `)} ;;`;
  });
  const paths = allBelow(program)
    .slice(1)
    .map((command) => quoted(pathOf(command)));
  return `# bash completion of ${name}
_${name}() {
  local at=${name} word words valued
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
      ${paths.join(" | ")}) at="$at $word" ;;
    esac
  done
  case "$at" in
${cases.join("\n")}
  esac
  COMPREPLY=()
  [[ "$valued" == *" \${COMP_WORDS[COMP_CWORD-1]} "* ]] && return
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _${name} ${name}
`;
}

/** A function for each command that has others below it. */
function zshCompletion(program: Command): string {
  const groups = allBelow(program).filter(({ commands }) => commands.length > 0);
  const functionOf = (command: Command): string => `_${pathOf(command).replaceAll(" ", "_")}`;
  const specs = (command: Command): string =>
    [
      ...command.options.flatMap((option) =>
        flags(option).map((flag) =>
          quoted(
            `*${flag}[${escapedZsh(option.description)}]${takesValue(option) ? ":value:_files" : ""}`,
          ),
        ),
      ),
      "'*: :_files'",
    ].join(" ");
  const functions = groups.map((group) => {
    const names = group.commands.map((one) =>
      quoted(`${one.name()}:${escapedZsh(one.description())}`),
    );
    const cases = group.commands.map((one) => {
      const next = one.commands.length > 0 ? functionOf(one) : `_arguments ${specs(one)}`;
      return `        ${one.name()}) ${next} ;;`;
    });
    return `${functionOf(group)}() {
  local curcontext="$curcontext" state line
  local -a names=(${names.join(" ")})
  _arguments -C '1: :->name' '*:: :->rest'
  case $state in
    name) _describe command names ;;
    rest)
      case $words[1] in
${cases.join("\n")}
      esac ;;
  esac
}
`;
  });
  return `#compdef ${program.name()}\n${functions.join("\n")}\n${functionOf(program)} "$@"\n`;
}

function fishCompletion(program: Command): string {
  const lines = allBelow(program).flatMap((command) => {
    const condition = quoted(conditionOf(command));
    const names = command.commands.map(
      (one) => `-f -a ${one.name()} -d ${quoted(oneLine(one.description()))}`,
    );
    const options = command.options.map((option) => {
      const words = flags(option).map((flag) =>
        flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      );
      return `${words.join(" ")}${takesValue(option) ? " -r" : ""} -d ${quoted(oneLine(option.description))}`;
    });
    return [...names, ...options].map(
      (rest) => `complete -c ${program.name()} -n ${condition} ${rest}`,
    );
  });
  return `# fish completion of ${program.name()}\n${lines.join("\n")}\n`;
}

/** What fish asks: the command was named, and none of those below it. */
function conditionOf(command: Command): string {
  const named = pathOf(command).split(" ").slice(1);
  const below = command.commands.map((one) => one.name());
  const conditions = [
    ...named.map((word) => `__fish_seen_subcommand_from ${word}`),
    ...(below.length > 0 ? [`not __fish_seen_subcommand_from ${below.join(" ")}`] : []),
  ];
  return conditions.join("; and ");
}

function allBelow(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allBelow)];
}

function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}

function flags({ short, long }: Option): readonly string[] {
  return [short, long].filter((flag) => flag !== undefined && flag !== null);
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function escapedZsh(text: string): string {
  return oneLine(text).replace(/[[\]:\\]/g, "\\$&");
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
