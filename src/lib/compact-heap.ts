/**
 * Collects all garbage of the calling thread, moves what is left together and gives the pages behind
 * it back: V8 by itself keeps them for a burst to come. Takes some 0.1 s. Does nothing where Node was
 * started without `--expose-gc`; `bin/saker` starts it with it.
 */
export function compactHeap(): void {
  globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
}
