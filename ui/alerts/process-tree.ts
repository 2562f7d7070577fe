import type { StoredAlert } from "../../src/web/schemas/alert.ts";

/** A process as an alert's fields name it; what they leave out is absent. */
export interface TreeProcess {
  readonly name: string;
  readonly pid?: string;
  /** Its command line, else the path of its program. */
  readonly command?: string;
}

type Fields = StoredAlert["output_fields"];

/**
 * The process of an alert under its ancestors, the eldest first, as far as the rule's output names
 * them; empty where it names none.
 */
export function processTree(fields: Fields): readonly TreeProcess[] {
  const ancestors = Object.keys(fields)
    .flatMap((name) => /^proc\.a(?:name|exepath|cmdline|pid)\[(\d+)\]$/.exec(name)?.[1] ?? [])
    .map(Number)
    .filter((generation) => generation > 1);
  const generations = [...new Set(ancestors)].toSorted((a, b) => b - a);
  return [
    ...generations.map((n) =>
      processOf(fields, {
        name: `proc.aname[${n}]`,
        pid: `proc.apid[${n}]`,
        commands: [`proc.acmdline[${n}]`, `proc.aexepath[${n}]`, `proc.aexe[${n}]`],
      }),
    ),
    processOf(fields, {
      name: "proc.pname",
      pid: "proc.ppid",
      commands: ["proc.pcmdline", "proc.pexepath", "proc.pexe"],
    }),
    processOf(fields, {
      name: "proc.name",
      pid: "proc.pid",
      commands: ["proc.cmdline", "proc.exepath", "proc.exe"],
    }),
  ].filter((one) => one !== undefined);
}

function processOf(
  fields: Fields,
  { name, pid, commands }: { name: string; pid: string; commands: readonly string[] },
): TreeProcess | undefined {
  const command = commands.map((one) => known(fields, one)).find((one) => one !== undefined);
  const own = known(fields, name) ?? command?.split(" ")[0];
  if (own === undefined) return undefined;
  const number = known(fields, pid);
  return {
    name: own,
    ...(number === undefined ? {} : { pid: number }),
    ...(command === undefined ? {} : { command }),
  };
}

function known(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return value === undefined || value === null || value === "" || value === "<NA>"
    ? undefined
    : String(value);
}
