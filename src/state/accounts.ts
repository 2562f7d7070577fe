import type { HostEntries } from "./host-entries.ts";
import type { Accounts } from "./scene.ts";

interface User {
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

/**
 * Accounts from the texts of /etc/passwd and /etc/group (passwd(5), group(5)); lines that do not
 * parse are left out.
 */
export function parseAccounts(passwd: string, group: string): Accounts {
  const users = new Map<number, User>();
  for (const [name, , uid, , , home, shell] of fieldsOfLines(passwd)) {
    const id = Number(uid);
    if (name && uid && Number.isInteger(id) && !users.has(id))
      users.set(id, { name, home: home ?? "", shell: shell ?? "" });
  }
  const groups = new Map<number, string>();
  for (const [name, , gid] of fieldsOfLines(group)) {
    const id = Number(gid);
    if (name && gid && Number.isInteger(id) && !groups.has(id)) groups.set(id, name);
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

function fieldsOfLines(text: string): string[][] {
  return text.split("\n").map((line) => line.split(":"));
}
