import type { Argument, Command, Option } from "commander";

/**
 * Manual pages of a command line, mdoc(7), by the names of their files: one for the program and one
 * for each of its commands, with all that is below it.
 */
export function manPages(program: Command): ReadonlyMap<string, string> {
  const pages = program.commands.map((command) => {
    const page = `${program.name()}-${command.name()}`;
    return [`${page}.1`, commandPage(page, command)] as const;
  });
  return new Map([[`${program.name()}.1`, programPage(program)], ...pages]);
}

function programPage(program: Command): string {
  const pages = program.commands.map((command) => `${program.name()}-${command.name()}`);
  const commands = program.commands.map(
    (command, at) => `.It Xr ${pages[at]} 1\n${textLines(sentence(command))}`,
  );
  return lines(
    ...headOf(program.name(), program),
    `.Nm\n.Ar command\n.Op Ar options`,
    ".Sh DESCRIPTION",
    textLines(sentence(program)),
    "Its commands, each with a page of its own:",
    list(commands),
    ...detailsOf(program),
    ENVIRONMENT,
    FILES,
    EXIT_STATUS,
    ".Sh SEE ALSO",
    ...pages.toSorted().map((name, at) => `.Xr ${name} 1${at < pages.length - 1 ? " ," : ""}`),
  );
}

function commandPage(page: string, command: Command): string {
  const below = command.commands.flatMap((one) => [
    `.Ss ${macroWords(one.name())}`,
    synopsis(one),
    ".Pp",
    textLines(sentence(one)),
    ...detailsOf(one),
  ]);
  return lines(
    ...headOf(page, command),
    synopsis(command),
    ".Sh DESCRIPTION",
    textLines(sentence(command)),
    ...detailsOf(command),
    ...(below.length > 0 ? [".Sh COMMANDS", ...below] : []),
    EXIT_STATUS,
    ".Sh SEE ALSO",
    `.Xr ${command.parent?.name() ?? ""} 1`,
  );
}

function headOf(page: string, command: Command): readonly string[] {
  return [
    '.\\" Made by scripts/docs.ts of the command line itself.',
    `.Dd ${DATE}`,
    `.Dt ${page.toUpperCase()} 1`,
    ".Os",
    ".Sh NAME",
    `.Nm ${page}`,
    `.Nd ${escaped(oneLine(command.description()))}`,
    ".Sh SYNOPSIS",
  ];
}

function synopsis(command: Command): string {
  const words: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) words.unshift(at.name());
  const options = command.options.length > 0 ? [".Op Ar options"] : [];
  const names = command.registeredArguments.map(argumentMacro);
  return lines(`.Nm ${words.join(" ")}`, ...options, ...names);
}

function argumentMacro(argument: Argument): string {
  const name = `Ar ${macroWords(argument.name())}${argument.variadic ? " ..." : ""}`;
  return argument.required ? `.${name}` : `.Op ${name}`;
}

/** Arguments and options, each with what it means. */
function detailsOf(command: Command): readonly string[] {
  const items = [
    ...command.registeredArguments
      .filter(({ description }) => description !== "")
      .map((argument) => [`Ar ${macroWords(argument.name())}`, argument.description]),
    ...command.options
      .filter(({ hidden }) => !hidden)
      .map((option) => [flagsOf(option), option.description + defaultOf(option)]),
  ];
  if (items.length === 0) return [];
  return [list(items.map(([name = "", text = ""]) => `.It ${name}\n${textLines(text)}`))];
}

/** `-o, --override <key=value>` as macros; two hyphens are a flag that begins with one. */
function flagsOf({ flags }: Option): string {
  const words = flags
    .split(/[ ,|]+/)
    .map((word) =>
      word.startsWith("-")
        ? `Fl ${escaped(word.slice(1))}`
        : `Ar ${macroWords(word.replace(/^[<[]|[>\]]$/g, ""))}`,
    );
  return words.reduce(
    (text, word) =>
      word.startsWith("Fl") && text !== "" ? `${text} , ${word}` : `${text} ${word}`.trim(),
    "",
  );
}

function defaultOf({ defaultValue }: Option): string {
  if (defaultValue === undefined || typeof defaultValue === "boolean") return "";
  return Array.isArray(defaultValue) ? "" : ` (default: ${String(defaultValue)})`;
}

function sentence(command: Command): string {
  const text = oneLine(command.description());
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function list(items: readonly string[]): string {
  return lines(".Bl -tag -width Ds", ...items, ".El");
}

/** Lines of at most 80 bytes; the end of a sentence is the end of a line. */
function textLines(text: string): string {
  const made: string[] = [];
  let line = "";
  for (const word of escaped(oneLine(text)).split(" ")) {
    if (line !== "" && line.length + 1 + word.length > LINE_MAX) {
      made.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
    if (/[.!?]\)?$/.test(word)) {
      made.push(line);
      line = "";
    }
  }
  if (line !== "") made.push(line);
  // A dot or a quote at a line's beginning would be a request.
  return made.map((each) => each.replace(/^(?=[.'])/, "\\&")).join("\n");
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
}

/** Words behind a macro: one that is a macro's own name, or a delimiter, would be taken for it. */
function macroWords(text: string): string {
  return escaped(text)
    .split(" ")
    .map((word) => (/^(?:[A-Z][a-z]?|[.,:;()[\]?!|])$/.test(word) ? `\\&${word}` : word))
    .join(" ");
}

function lines(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n");
}

const LINE_MAX = 78;
/** mdoc(7) asks for one; of the pages' contents, not of the day on which they were made. */
const DATE = "November 30, 2026";
const EXIT_STATUS = `.Sh EXIT STATUS
.Bl -tag -width Ds -compact
.It 0
Done.
.It 1
A finding, or a check that failed.
.It 2
Wrong usage or configuration.
.It 3
A privilege or a feature of the kernel is missing; what to do about it is said.
.El`;
const ENVIRONMENT = `.Sh ENVIRONMENT
.Bl -tag -width Ds
.It Ev NO_COLOR
Print without colors.
.It Ev HOST_ROOT
Where the root of the host is mounted, in a container.
.It Ev DOCKER_HOST
The socket of Docker.
.El`;
const FILES = `.Sh FILES
.Bl -tag -width Ds
.It Pa /etc/saker/saker.yaml
The configuration of the service; a falco.yaml has the same keys.
.It Pa ./report
Reports, where nothing else is said.
.El`;
