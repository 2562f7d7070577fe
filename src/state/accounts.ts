import type { HostEntries } from "./host-entries.ts";
import type { Accounts } from "./scene.ts";

interface User {
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

/**
 * Accounts from the texts of /etc/passwd and /etc/group (passwd(5), group(5)); lines that do not
 * parse are left out, and those with a name longer than LOGIN_NAME_MAX or behind the first
 * MAX_LINES: the texts may be anybody's.
 */
export function parseAccounts(passwd: string, group: string): Accounts {
  const users = new Map<number, User>();
  for (const [name, , uid, , , home, shell] of fieldsOfLines(passwd)) {
    const id = idOf(uid);
    if (isName(name) && id !== undefined && !users.has(id))
      users.set(id, { name, home: pathOf(home), shell: pathOf(shell) });
  }
  const groups = new Map<number, string>();
  for (const [name, , gid] of fieldsOfLines(group)) {
    const id = idOf(gid);
    if (isName(name) && id !== undefined && !groups.has(id)) groups.set(id, name);
  }
  return accountsIn(users, groups);
}

/** The accounts that a capture tells of. */
export function accountsOf({ users, groups }: Pick<HostEntries, "users" | "groups">): Accounts {
  return accountsIn(
    new Map(users.map((user) => [user.uid, user])),
    new Map(groups.map(({ gid, name }) => [gid, name])),
  );
}

function accountsIn(
  users: ReadonlyMap<number, User>,
  groups: ReadonlyMap<number, string>,
): Accounts {
  return {
    userName: (uid) => users.get(uid)?.name ?? (uid === 0 ? "root" : undefined),
    userHome: (uid) => users.get(uid)?.home,
    userShell: (uid) => users.get(uid)?.shell,
    groupName: (gid) => groups.get(gid) ?? (gid === 0 ? "root" : undefined),
  };
}

/** Decimal digits, as the C library takes them. */
function idOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function isName(name: string | undefined): name is string {
  return name !== undefined && name !== "" && name.length <= LOGIN_NAME_MAX;
}

function pathOf(text = ""): string {
  return text.length > PATH_MAX ? "" : text;
}

/** One by one: a megabyte of line ends alone would be as many arrays. */
function* fieldsOfLines(text: string): Generator<string[]> {
  let lines = 0;
  for (let start = 0; start < text.length && lines < MAX_LINES; lines += 1) {
    const found = text.indexOf("\n", start);
    const end = found < 0 ? text.length : found;
    if (end - start >= SHORTEST) yield text.slice(start, end).split(":", MAX_FIELDS);
    start = end + 1;
  }
}

const LOGIN_NAME_MAX = 256;
const PATH_MAX = 4096;
const MAX_LINES = 100_000;
/** `x::1` */
const SHORTEST = 4;
const MAX_FIELDS = 7;
