import { libc } from "../libc/libc.ts";
import { BPF_COMMAND, BpfAttributes, bpf } from "./_bpf-call.ts";
import { openKprobe } from "./kprobe.ts";
import { isKprobe, type ProgramAttach } from "./object-spec.ts";
import { openTracepoint } from "./tracepoint.ts";

/** A loaded program, its place, and where it hangs on that the descriptor that keeps it there. JSON. */
export interface AttachableProgram {
  readonly name: string;
  /** Undefined for one that is only jumped to. */
  readonly attach: ProgramAttach | undefined;
  readonly fd: number;
  readonly link: number | undefined;
}

/** Which of an object's programs hang on their places. It owns the descriptors of programs and links. */
export class Attachments {
  #programs: readonly Omit<AttachableProgram, "link">[];
  readonly #links: Map<string, number>;

  constructor(programs: readonly AttachableProgram[]) {
    this.#programs = programs;
    this.#links = new Map(
      programs.flatMap(({ name, link }) => (link === undefined ? [] : [[name, link] as const])),
    );
  }

  /**
   * Hangs each wanted program that does not hang yet on its place, and then takes the others off.
   * Those on perf events are always wanted: to open one takes a capability that a watch gives up.
   * Gives the functions that take no kprobe; throws `KERNEL_<ERRNO>` for any other place, and then
   * nothing is taken off.
   */
  use(isWanted: (attach: ProgramAttach) => boolean = () => true): readonly string[] {
    const refused: string[] = [];
    const unwanted: string[] = [];
    for (const { name, attach, fd } of this.#programs) {
      if (attach === undefined) continue;
      if (!ON_PERF_EVENTS.has(attach.kind) && !isWanted(attach)) {
        unwanted.push(name);
        continue;
      }
      if (this.#links.has(name)) continue;
      try {
        this.#links.set(name, attachProgram(name, attach, fd));
      } catch (thrown) {
        if (!isKprobe(attach)) throw thrown;
        refused.push(attach.tracepoint);
      }
    }
    for (const name of unwanted) this.#detach(name);
    return refused;
  }

  /** All programs as they are. */
  get programs(): readonly AttachableProgram[] {
    return this.#programs.map((program) => ({ ...program, link: this.#links.get(program.name) }));
  }

  /** Safe to call twice. */
  close(): void {
    this.detach();
    for (const { fd } of this.#programs) libc.close(fd);
    this.#programs = [];
  }

  /** Takes all programs off; they stay loaded. */
  detach(): void {
    for (const name of this.#links.keys()) this.#detach(name);
  }

  #detach(name: string): void {
    const link = this.#links.get(name);
    if (link === undefined) return;
    libc.close(link);
    this.#links.delete(name);
  }
}

function attachProgram(name: string, attach: ProgramAttach, fd: number): number {
  const { kind, tracepoint } = attach;
  if (kind === "tracepoint") return attachClassic(name, attach, fd);
  if (kind === "kprobe") return openKprobe(tracepoint, fd);
  if (kind === "kprobe.multi") return attachToFunction(name, tracepoint, fd);
  const attributes = new BpfAttributes(16).u32(8, fd);
  if (kind !== "tp_btf") attributes.pointer(0, Buffer.from(`${tracepoint}\0`, "latin1"));
  return bpf(
    BPF_COMMAND.rawTracepointOpen,
    attributes,
    `attach BPF program "${name}" to tracepoint "${tracepoint}"`,
  );
}

/** `BPF_LINK_CREATE` on a perf event, from Linux 5.15 on: the link keeps the event. */
function attachClassic(
  name: string,
  { group = "", tracepoint }: ProgramAttach,
  fd: number,
): number {
  const event = openTracepoint(group, tracepoint);
  try {
    return bpf(
      BPF_COMMAND.linkCreate,
      new BpfAttributes(48).u32(0, fd).u32(4, event).u32(8, ATTACH_TYPE.perfEvent),
      `attach BPF program "${name}" to tracepoint "${group}/${tracepoint}"`,
    );
  } finally {
    libc.close(event);
  }
}

/** `BPF_LINK_CREATE` at a function's start by ftrace, from Linux 5.18 on. */
function attachToFunction(name: string, kernelFunction: string, fd: number): number {
  const symbol = Buffer.from(`${kernelFunction}\0`, "latin1");
  const symbols = new BpfAttributes(8).pointer(0, symbol);
  return bpf(
    BPF_COMMAND.linkCreate,
    new BpfAttributes(48)
      .u32(0, fd)
      .u32(8, ATTACH_TYPE.kprobeMulti)
      .u32(20, 1)
      .pointer(24, symbols.bytes),
    `attach BPF program "${name}" to kernel function "${kernelFunction}"`,
  );
}

const ON_PERF_EVENTS: ReadonlySet<ProgramAttach["kind"]> = new Set(["kprobe", "tracepoint"]);

/** `enum bpf_attach_type` (include/uapi/linux/bpf.h) */
export const ATTACH_TYPE = { rawTracepoint: 23, perfEvent: 41, kprobeMulti: 42 } as const;
