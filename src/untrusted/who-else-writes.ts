import { lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { PROGRAM } from "../shipped/shipped-files.ts";

/**
 * Who may change what a file says beside root, this process's user and whoever owns Saker itself:
 * by the file, a link to it, or a folder on the way. In words, such as `it belongs to user 1000`;
 * undefined when nobody may. Throws when it is not there.
 */
export function whoElseWrites(path: string, owners = trustedOwners()): string | undefined {
  const stated = resolve(path);
  const real = realpathSync(stated);
  const places = [stated, real, ...above(realpathSync(dirname(stated))), ...above(dirname(real))];
  for (const place of places) {
    const who = writer(lstatSync(place), owners);
    if (who !== undefined)
      return place === stated || place === real ? `it ${who}` : `its folder "${place}" ${who}`;
  }
  return undefined;
}

/** The folder and those that it is in. */
function above(folder: string): readonly string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...above(parent)];
}

/** As sshd judges its users' files; a group of the owner's own number is the owner's alone. */
function writer(stats: Stats, owners: ReadonlySet<number>): string | undefined {
  const { mode, uid, gid } = stats;
  if (!owners.has(uid)) return `belongs to user ${uid}`;
  // Of a link the owner counts; in a folder with the sticky bit everybody has but what is their own.
  if (stats.isSymbolicLink() || (stats.isDirectory() && (mode & STICKY) !== 0)) return undefined;
  if ((mode & 0o002) !== 0) return "may be written to by everybody";
  const isOwnGroup = gid === 0 || gid === uid;
  return (mode & 0o020) !== 0 && !isOwnGroup ? `may be written to by group ${gid}` : undefined;
}

/** Root, this process's user, and who owns Saker itself. */
export function trustedOwners(): ReadonlySet<number> {
  const own = statSync("/proc/self").uid;
  return new Set([0, own, statSync(PROGRAM).uid]);
}

const STICKY = 0o1000;
