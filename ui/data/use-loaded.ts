import { useCallback, useEffect, useState } from "preact/hooks";
import { read } from "./api.ts";

/** What came of a read: the last value stays while the next one is on its way. */
export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: Error | undefined;
  readonly reload: () => void;
}

/**
 * Reads a resource of the API, and anew for each other path or round; without a path it reads
 * nothing.
 */
export function useLoaded<T>(path: string | undefined, round = 0): Loaded<T> {
  const [state, setState] = useState<{ value?: T; error?: Error }>({});
  const [again, setAgain] = useState(0);
  const reload = useCallback(() => setAgain((last) => last + 1), []);
  useEffect(() => {
    if (path === undefined) return;
    const abort = new AbortController();
    read<T>(path, abort.signal).then(
      (value) => setState({ value }),
      (error: unknown) => {
        if (!abort.signal.aborted) setState((last) => ({ ...last, error: error as Error }));
      },
    );
    return () => abort.abort();
  }, [path, round, again]);
  return { value: state.value, error: state.error, reload };
}
