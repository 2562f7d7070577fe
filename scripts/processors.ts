/** A processor that Saker is packed for. */
export interface Processor {
  /** As Node has it. */
  readonly name: string;
  /** As Debian and Go have it. */
  readonly debian: string;
  /** Of its shared libraries' folder and of the GNU tools that work on its programs. */
  readonly triplet: string;
}

/** By Node's names. */
export const PROCESSORS = {
  x64: { name: "x64", debian: "amd64", triplet: "x86_64-linux-gnu" },
  arm64: { name: "arm64", debian: "arm64", triplet: "aarch64-linux-gnu" },
} as const satisfies Readonly<Record<string, Processor>>;

/** This machine's by default. Throws where Saker is not packed for it. */
export function processorOf(name: string = process.arch): Processor {
  const found = Object.values<Processor>(PROCESSORS).find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = Object.keys(PROCESSORS).join(", ");
  throw new Error(`Cannot pack for "${name}": Saker is packed for ${names}`);
}

export function isForeign({ name }: Processor): boolean {
  return name !== process.arch;
}
