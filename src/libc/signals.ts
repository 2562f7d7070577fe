import { libc } from "./libc.ts";

/**
 * Runs `work` while no signal is delivered to this thread (pthread_sigmask(3)): a call that gives
 * up as soon as one waits, as BPF_PROG_LOAD does, then ends. Signals meanwhile come afterwards, or
 * to another thread.
 */
export function withSignalsBlocked<Result>(work: () => Result): Result {
  const [all, before] = [new Uint8Array(SIGSET_BYTES).fill(0xff), new Uint8Array(SIGSET_BYTES)];
  const isBlocked = libc.pthread_sigmask(SIG_BLOCK, all, before) === 0;
  try {
    return work();
  } finally {
    if (isBlocked) libc.pthread_sigmask(SIG_SETMASK, before, new Uint8Array(SIGSET_BYTES));
  }
}

/** `sigset_t` of glibc and musl, of which the kernel reads the first 8. */
const SIGSET_BYTES = 128;
const SIG_BLOCK = 0;
const SIG_SETMASK = 2;
