import { AppError, messageOf } from "../lib/errors.ts";

/** What is wrong with a database, as far as something else is done about each. */
export type Fault = "corrupt" | "full" | "locked" | "read-only" | "unreachable" | "other";

/** The fault that a database's error means. */
export function faultOf(thrown: unknown): Fault {
  const { errcode, code } = thrown as { readonly errcode?: unknown; readonly code?: unknown };
  if (typeof errcode === "number") return SQLITE_FAULTS[errcode & 0xff] ?? "other";
  return FAULTS_BY_CODE[String(code)] ?? (isNetworkCode(String(code)) ? "unreachable" : "other");
}

/** For the user: what cannot be done with the store, and what to do about it. */
export function storeError(doing: string, thrown: unknown): AppError {
  const fault = faultOf(thrown);
  const hint = HINTS[fault];
  return new AppError("INPUT_STORE", `Cannot ${doing}: ${messageOf(thrown)}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: thrown,
  });
}

/** Result codes of SQLite: sqlite.org/rescode.html. */
const SQLITE_FAULTS: Readonly<Record<number, Fault>> = {
  5: "locked",
  6: "locked",
  8: "read-only",
  10: "other",
  11: "corrupt",
  13: "full",
  14: "read-only",
  26: "corrupt",
};

/** PostgreSQL's error codes, appendix A of its manual; Node's of the network. */
const FAULTS_BY_CODE: Readonly<Record<string, Fault>> = {
  "53100": "full",
  "25006": "read-only",
  "55P03": "locked",
  XX001: "corrupt",
  XX002: "corrupt",
  "57P01": "unreachable",
  "57P03": "unreachable",
};

function isNetworkCode(code: string): boolean {
  return /^(?:ECONN|ENOTFOUND|ENOENT|EPIPE|ETIMEDOUT|08)/.test(code);
}

const HINTS: Readonly<Partial<Record<Fault, string>>> = {
  locked: "another watch keeps its news there: give this one another store.path or report folder",
  "read-only": "let this user write there, or set store.path",
  unreachable: "check store.url, and that the server runs",
};
