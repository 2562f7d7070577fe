import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { check, libc } from "../libc/libc.ts";
import { writeToPipe } from "./write-to-pipe.ts";

/** The environment and the outputs that a program is started with. */
export interface ShellProgramOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where its standard output and error go. */
  readonly stdio: readonly ["inherit" | number, "inherit" | number];
}

/** Of include/uapi/asm-generic/fcntl.h. */
const [O_NONBLOCK, O_CLOEXEC, F_SETFL] = [0o4000, 0o2000000, 4];
const SIGKILL = 9;
/** The bytes that wait in a pipe (ioctl_pipe(2)). */
const FIONREAD = 0x541b;

/**
 * `sh -c COMMAND` with a pipe as its standard input, as popen(3) starts it. The pipe's reading end
 * stays open here, too: what the program left unread is known even when it has ended. It has a
 * session of its own, so that a Ctrl-C of the watch does not end it before its last line.
 */
export class ShellProgram {
  /** How it ended, in words; never rejects. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #over = new AbortController();
  readonly #reading: number;
  #writing: number | undefined;

  constructor(command: string, { environment, stdio }: ShellProgramOptions) {
    const ends = new Int32Array(2);
    check(libc.pipe2(ends, O_CLOEXEC), "make a pipe");
    this.#reading = ends[0] as number;
    this.#writing = ends[1] as number;
    libc.fcntl(this.#writing, F_SETFL, O_NONBLOCK);
    this.#child = spawn("/bin/sh", ["-c", command], {
      env: environment,
      stdio: [this.#reading, ...stdio],
      detached: true,
    });
    this.ended = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(error.message));
      this.#child.once("exit", (status, signal) =>
        resolve(signal === null ? `it ended with status ${status}` : `it was ended by ${signal}`),
      );
    });
    void this.ended.then(() => this.#over.abort());
  }

  get isRunning(): boolean {
    return !this.#over.signal.aborted;
  }

  /**
   * Writes a text and waits until the program has read it, has ended, or `signal` aborts. Returns
   * how many bytes of it the program did not read.
   */
  async write(text: string, signal: AbortSignal): Promise<number> {
    const bytes = Buffer.from(text);
    if (this.#writing === undefined) return bytes.length;
    const stop = AbortSignal.any([signal, this.#over.signal]);
    const written = await writeToPipe(this.#writing, bytes, stop);
    for (let turn = 0; this.#unread() > 0 && !stop.aborted; turn += 1) await shortPause(turn);
    return bytes.length - written + this.#unread();
  }

  /** The program reads the end of its input. */
  closeInput(): void {
    if (this.#writing !== undefined) closeSync(this.#writing);
    this.#writing = undefined;
  }

  /** Ends the program and those that it started. */
  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined || !this.isRunning) return;
    // Its process group: the shell and every program of a pipeline.
    libc.kill(-pid, SIGKILL);
  }

  /** Forgets the program, which may run on; the event loop waits for it no more. */
  release(): void {
    this.closeInput();
    closeSync(this.#reading);
    this.#child.unref();
  }

  #unread(): number {
    const count = new Int32Array(1);
    return libc.ioctl(this.#reading, FIONREAD, count) < 0 ? 0 : (count[0] as number);
  }
}

/** Most programs read at once; who waits longer need not be asked so often. */
async function shortPause(turn: number): Promise<void> {
  if (turn < 100) await new Promise((resolve) => setImmediate(resolve));
  else await sleep(Math.min(turn - 99, 20));
}
