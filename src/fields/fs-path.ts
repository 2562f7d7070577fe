import { dirfdOf } from "../events/param-text.ts";
import { UNKNOWN_DIRECTORY } from "../state/path.ts";
import { perEvent } from "../state/per-event.ts";
import type { Scene } from "../state/scene.ts";
import { fieldsOf } from "./_define.ts";
import { parameterIndex, resultOf } from "./_event-result.ts";
import { PATH_PARAMS, type PathParams, resolvedParam } from "./_path-params.ts";
import type { Extract, Field, FieldType } from "./field.ts";
import { SceneNames } from "./scene-names.ts";

const { plain } = fieldsOf("fs.path");

function pathField(name: string, type: FieldType, doc: string, extract: Extract): Field {
  return plain(name, type, doc, extract, { path: true });
}

/** `fs.path.*`: the paths of calls on files, with or without a descriptor. */
export const FS_PATH_FIELDS: readonly Field[] = [
  pathField(
    "fs.path.name",
    "CHARBUF",
    "Absolute path that the call is about",
    perEvent((scene) => pathOf(scene, "name", true)),
  ),
  pathField("fs.path.nameraw", "CHARBUF", "That path as it was passed", (scene) =>
    pathOf(scene, "name", false),
  ),
  pathField(
    "fs.path.source",
    "CHARBUF",
    "Absolute source of a call with two paths",
    perEvent((scene) => sidePath(scene, "source", true)),
  ),
  pathField("fs.path.sourceraw", "CHARBUF", "That source as it was passed", (scene) =>
    sidePath(scene, "source", false),
  ),
  pathField(
    "fs.path.target",
    "CHARBUF",
    "Absolute target of a call with two paths",
    perEvent((scene) => sidePath(scene, "target", true)),
  ),
  pathField("fs.path.targetraw", "CHARBUF", "That target as it was passed", (scene) =>
    sidePath(scene, "target", false),
  ),
];

/** What stands for a path that the kernel could not read. */
const UNREADABLE = "<NA>";

/**
 * `fs.path.*` of a call with two paths. A link's source is the new name: the real engine has it so.
 */
function sidePath(
  scene: Scene,
  side: "source" | "target",
  absolute: boolean,
  isResolved = scene.isResolved,
): string | undefined {
  if (!LINKS.has(scene.event.type?.name ?? "")) return pathOf(scene, side, absolute, isResolved);
  const path = pathOf(scene, side === "source" ? "target" : "source", absolute, isResolved);
  const raw =
    side === "target" && absolute && scene.event.type?.name === "symlinkat"
      ? pathOf(scene, "source", false)
      : undefined;
  // What a relative link leads to starts where the link is, which is not looked into.
  return raw === undefined || raw.startsWith("/") ? path : `${UNKNOWN_DIRECTORY}${raw}`;
}

const LINKS: ReadonlySet<string> = new Set(["link", "linkat", "symlink", "symlinkat"]);

/** Undefined for a call that failed, too. */
function pathOf(
  scene: Scene,
  which: keyof PathParams,
  absolute: boolean,
  isResolved = scene.isResolved,
): string | undefined {
  const type = scene.event.type;
  if (resultOf(scene) === -1 || (type?.params[0]?.name === "res" && scene.event.int(0) !== 0))
    return undefined;
  const name = PATH_PARAMS[type?.name ?? ""]?.[which];
  if (name === undefined)
    return which === "name" && (type?.name === "fchmod" || type?.name === "fchown")
      ? scene.descriptor?.name
      : undefined;
  const isCaptured = scene.thread !== undefined;
  if (isCaptured && PATHS_OF_OURS.has(type?.name ?? "")) return undefined;
  if (scene.isResolved && isResolved && absolute && scene.descriptor !== undefined)
    return scene.descriptor.name;
  const led = absolute ? resolvedParam(scene, name, isResolved) : undefined;
  if (led !== undefined) return led;
  const index = parameterIndex(type, name);
  const path = scene.event.text(index);
  if (path === undefined || path === UNREADABLE || !absolute)
    return path === UNREADABLE ? undefined : path;
  // The real engine does not follow the directory of an open that failed.
  if (
    isCaptured &&
    type?.name === "openat" &&
    (scene.event.int(0) ?? 0) < 0 &&
    !path.startsWith("/")
  )
    return UNKNOWN_DIRECTORY;
  // Nor the directories of these, which it takes for the current one.
  const isFromCwd = isCaptured && (type?.name === "linkat" || type?.name === "renameat");
  const dirfd = isFromCwd ? undefined : dirfdOf(scene.event, index);
  return new SceneNames(scene).absolute(path, dirfd);
}

/**
 * Of the two that a path of a call without a descriptor has, as it was passed and where it led, the
 * one that `fs.path.*` does not show; undefined where they are one.
 */
export function otherPath(scene: Scene, which: keyof PathParams): string | undefined {
  if (!scene.event.hasResolved) return undefined;
  const path = (isResolved: boolean): string | undefined =>
    which === "name"
      ? pathOf(scene, which, true, isResolved)
      : sidePath(scene, which, true, isResolved);
  const other = path(!scene.isResolved);
  return other === path(scene.isResolved) ? undefined : other;
}

/** Calls whose paths the real engine leaves out of `fs.path.*`. */
const PATHS_OF_OURS: ReadonlySet<string> = new Set(["creat", "mknod", "mknodat"]);

/** The parameters that `evt.abspath` is about: of a call with two paths both, the source first. */
const ABSOLUTE_PATHS: Readonly<Record<string, readonly string[]>> = {
  openat: ["name"],
  openat2: ["name"],
  open_by_handle_at: ["path"],
  unlinkat: ["name"],
  mkdirat: ["path"],
  fchmodat: ["filename"],
  fchownat: ["pathname"],
  symlinkat: ["linkpath"],
  linkat: ["oldpath", "newpath"],
  renameat: ["oldpath", "newpath"],
  renameat2: ["oldpath", "newpath"],
};

/** Of calls that failed, too; of those that Falco has none for, the path that the call is about. */
export function absolutePath(scene: Scene, side: "src" | "dst"): string | undefined {
  const type = scene.event.type;
  const names = ABSOLUTE_PATHS[type?.name ?? ""];
  if (names === undefined) return side === "src" ? pathOf(scene, "name", true) : undefined;
  if (type?.name === "open_by_handle_at" && (scene.event.int(0) ?? 0) <= 0) return undefined;
  const index = parameterIndex(type, (side === "dst" ? names[1] : undefined) ?? names[0] ?? "");
  const led = resolvedParam(scene, type?.params[index]?.name ?? "");
  if (led !== undefined) return led;
  const path = scene.event.text(index);
  if (path === undefined) return undefined;
  return new SceneNames(scene).absolute(path, dirfdOf(scene.event, index));
}
