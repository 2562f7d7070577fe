import type { News } from "../news/news.ts";
import { alertLine } from "./alert-line.ts";
import { type Answer, type Destination, everyAlert, type OutboxWish } from "./destination.ts";
import { enabledOption, type Switch } from "./option.ts";
import type { OutputContext } from "./output-context.ts";
import type { OutputKind } from "./output-kind.ts";
import { ShellProgram } from "./shell-program.ts";

/** Falco's `program_output`. */
export interface ProgramOptions extends Switch {
  readonly program: string;
  readonly keepAlive: boolean;
}

/** Falco's program_output: alerts on the standard input of a program. */
export const PROGRAM_OUTPUT: OutputKind<ProgramOptions> = {
  section: "program_output",
  doc: "Alerts on the standard input of a program, run by `sh -c`; what it prints goes where the watch's own output goes.",
  required: "program",
  options: {
    enabled: enabledOption(false),
    program: { key: "program", default: "", doc: "The command." },
    keepAlive: {
      key: "keep_alive",
      default: false,
      doc: "One program reads all alerts, a line each, and is started anew when it ends; else one is started for each alert.",
    },
  },
  isOn: ({ enabled }) => enabled,
  open: (options, context) => new ProgramDestination(options, context),
};

/** Alerts count as delivered once the program has read them, whatever its status is. */
class ProgramDestination implements Destination {
  readonly name = PROGRAM_OUTPUT.section;
  readonly target: string;
  /** One at a time, so that of a program that dies it is known what it has read. */
  readonly batch = { lines: 1, bytes: 1 };
  readonly outbox: OutboxWish;
  readonly #options: ProgramOptions;
  readonly #context: OutputContext;
  #program: ShellProgram | undefined;
  #mustReopen = false;

  constructor(options: ProgramOptions, context: OutputContext) {
    this.target = `program ${JSON.stringify(options.program)}`;
    this.outbox = everyAlert(options.program);
    this.#options = options;
    this.#context = context;
  }

  format(news: News): string | undefined {
    return alertLine(news, this.#context);
  }

  async deliver(lines: readonly string[], signal: AbortSignal): Promise<Answer> {
    const text = `${lines.join("\n")}\n`;
    if (this.#mustReopen) await this.#finish();
    const program = (this.#program ??= this.#start());
    const size = Buffer.byteLength(text);
    const unread = await program.write(text, signal);
    if (!this.#options.keepAlive && unread === 0) return this.#untilEnded(program, signal);
    if (unread === 0) return { delivered: 1 };
    if (program.isRunning) program.kill();
    const end = await program.ended;
    this.#release();
    const reason = signal.aborted ? "it does not read" : end;
    // What it began to read, its successor must not see the rest of.
    return unread < size
      ? { delivered: 0, refused: 1, reason: `${reason} before it had read a whole alert` }
      : this.#options.keepAlive || signal.aborted
        ? { delivered: 0, reason }
        : { delivered: 0, refused: 1, reason: `${reason} without reading the alert` };
  }

  reopen(): void {
    this.#mustReopen = true;
  }

  async close(): Promise<void> {
    await this.#finish();
  }

  /** An alert's own program has read it: the next one waits until it has ended, as Falco does. */
  async #untilEnded(program: ShellProgram, signal: AbortSignal): Promise<Answer> {
    program.closeInput();
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([program.ended, aborted]);
    if (program.isRunning) program.kill();
    await program.ended;
    this.#release();
    return signal.aborted
      ? { delivered: 0, refused: 1, reason: "it did not end after it had read the alert" }
      : { delivered: 1 };
  }

  #start(): ShellProgram {
    const { environment, programStdio } = this.#context;
    return new ShellProgram(this.#options.program, {
      environment,
      stdio: programStdio ?? ["inherit", "inherit"],
    });
  }

  /** The program reads to its end; how long that may take, the caller bounds. */
  async #finish(): Promise<void> {
    const program = this.#program;
    this.#mustReopen = false;
    program?.closeInput();
    await program?.ended;
    this.#release();
  }

  #release(): void {
    this.#program?.release();
    this.#program = undefined;
  }
}
