import type { Scene } from "../state/scene.ts";

/** Which parameters are a call's paths, by their names in the schema. */
export interface PathParams {
  readonly name?: string;
  readonly source?: string;
  readonly target?: string;
}

export const PATH_PARAMS: Readonly<Record<string, PathParams>> = {
  open: { name: "name" },
  openat: { name: "name" },
  openat2: { name: "name" },
  creat: { name: "name" },
  mkdir: { name: "path" },
  mkdirat: { name: "path" },
  rmdir: { name: "path" },
  unlink: { name: "path" },
  unlinkat: { name: "name" },
  chmod: { name: "filename" },
  fchmodat: { name: "filename" },
  chown: { name: "path" },
  lchown: { name: "path" },
  fchownat: { name: "pathname" },
  mknod: { name: "path" },
  mknodat: { name: "path" },
  mount: { source: "dev", target: "dir" },
  umount: { name: "name" },
  umount2: { name: "name" },
  quotactl: { name: "special" },
  rename: { source: "oldpath", target: "newpath" },
  renameat: { source: "oldpath", target: "newpath" },
  renameat2: { source: "oldpath", target: "newpath" },
  link: { source: "oldpath", target: "newpath" },
  linkat: { source: "oldpath", target: "newpath" },
  symlink: { source: "target", target: "linkpath" },
  symlinkat: { source: "target", target: "linkpath" },
};

/** Of a program that starts: the file that was named, and the executable. */
const PROGRAM: PathParams = { source: "filename", target: "trusted_exepath" };

/**
 * Where the path in parameter `param` led, while the scene shows that (`isResolved`); undefined where
 * the words that were passed are shown. Of an open only its descriptor is shown so.
 */
export function resolvedParam(
  scene: Scene,
  param: string,
  isResolved = scene.isResolved,
): string | undefined {
  if (!isResolved || scene.thread !== undefined) return undefined;
  const name = scene.event.type?.name ?? "";
  const paths = name === "execve" ? PROGRAM : PATH_PARAMS[name];
  if (paths === undefined || OPENS.has(name)) return undefined;
  if (param === paths.target) return scene.event.resolvedSecond;
  return param === paths.name || param === paths.source ? scene.event.resolved : undefined;
}

const OPENS: ReadonlySet<string> = new Set(["open", "openat", "openat2", "creat"]);
