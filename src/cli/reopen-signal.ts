import type { Output } from "../outputs/output.ts";

/**
 * Outputs open their files and programs anew on SIGUSR1, as Falco's do; returns what ends that.
 * Without a listener the signal would start Node's debugger, open to every user of the host.
 */
export function reopenOnSignal(outputs: readonly Output[]): () => void {
  const reopen = (): void => {
    for (const output of outputs) output.reopen();
  };
  process.on("SIGUSR1", reopen);
  return () => process.off("SIGUSR1", reopen);
}
