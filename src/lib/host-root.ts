let root = "";

/**
 * Where the host's own files are: nothing on the host, `/host` in a container that has the host's
 * /proc and /etc there. Set once, before anything is read;
 * all that is read of the host goes through `hostPath`.
 */
export function useHostRoot(path: string): void {
  root = path.replace(/\/+$/, "");
}

/** An absolute path of the host as this process finds it. */
export function hostPath(path: string): string {
  return `${root}${path}`;
}

/** False when the host's files are not where they are on the host itself. */
export function isOnHost(): boolean {
  return root === "";
}
