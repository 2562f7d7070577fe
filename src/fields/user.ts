import { fieldsOf } from "./_define.ts";
import type { Field } from "./field.ts";

const user = fieldsOf("user").plain;
const group = fieldsOf("group").plain;

/** What the real engine says of an account that it does not know: a text, not a missing value. */
const NOBODY = "<NA>";

const FROM_ACCOUNTS = { accounts: true } as const;

const UNSET = 0xffff_ffff;

/** `user.*` and `group.*`: on whose behalf the process acts. */
export const USER_FIELDS: readonly Field[] = [
  user("user.uid", "UINT32", "User id", (scene) => scene.process?.uid),
  user(
    "user.name",
    "CHARBUF",
    "Name of the user",
    (scene) =>
      scene.process === undefined
        ? undefined
        : (scene.accounts.userName(scene.process.uid) ?? NOBODY),
    FROM_ACCOUNTS,
  ),
  user(
    "user.homedir",
    "CHARBUF",
    "Home directory of the user",
    (scene) =>
      scene.process === undefined
        ? undefined
        : (scene.accounts.userHome(scene.process.uid) ?? NOBODY),
    FROM_ACCOUNTS,
  ),
  user(
    "user.shell",
    "CHARBUF",
    "Login shell of the user",
    (scene) =>
      scene.process === undefined
        ? undefined
        : (scene.accounts.userShell(scene.process.uid) ?? NOBODY),
    FROM_ACCOUNTS,
  ),
  user("user.loginuid", "INT64", "User id of the login, -1 when unset", (scene) => {
    const loginuid = scene.process?.loginuid;
    return loginuid === UNSET ? -1 : loginuid;
  }),
  user(
    "user.loginname",
    "CHARBUF",
    "Name of the user who logged in",
    (scene) => {
      const loginuid = scene.process?.loginuid;
      if (loginuid === undefined) return undefined;
      return loginuid === UNSET ? NOBODY : (scene.accounts.userName(loginuid) ?? NOBODY);
    },
    FROM_ACCOUNTS,
  ),
  group("group.gid", "UINT32", "Group id", (scene) => scene.process?.gid),
  group(
    "group.name",
    "CHARBUF",
    "Name of the group",
    (scene) =>
      scene.process === undefined
        ? undefined
        : (scene.accounts.groupName(scene.process.gid) ?? NOBODY),
    FROM_ACCOUNTS,
  ),
];
