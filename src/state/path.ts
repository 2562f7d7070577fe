/**
 * Joins `path` to the directory it is relative to and normalises by text alone, as Falco does: `.` and empty components go,
 * `..` removes the component before it and never climbs above `/`. An absolute path stands alone.
 */
export function joinPath(directory: string, path: string): string {
  const whole = path.startsWith("/") ? path : `${directory}/${path}`;
  if (!NEEDS_NORMALISING.test(whole)) return whole;
  const parts: string[] = [];
  for (const part of whole.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return `/${parts.join("/")}`;
}

const NEEDS_NORMALISING = /\/\/|\/\.\.?(?:\/|$)|.\/$/;

/** The part of a path up to and without its last `/`; `/` for a file in the root. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

/** The part of a path behind its last `/`. */
export function fileNameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
