import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** A new token: 256 bits as text of a URL. */
export function newToken(): string {
  return randomBytes(32).toString("base64url");
}

/** Compares in a time that says nothing about where they differ. */
export function isSameSecret(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/**
 * A word that is good until a time, made of the token alone: it outlives a restart, and a new token
 * ends it. `use` keeps words for one use from being taken for words for another.
 */
export function passUntil(token: string, use: "session" | "once", untilMs: number): string {
  const stated = `${untilMs.toString(36)}.${randomBytes(9).toString("base64url")}`;
  return `${stated}.${signature(token, use, stated)}`;
}

/** Whether it is such a word, and good still. `now`: epoch milliseconds. */
export function isGoodPass(
  pass: string,
  {
    token,
    use,
    now,
  }: { readonly token: string; readonly use: "session" | "once"; readonly now: number },
): boolean {
  const [until = "", nonce = "", given = ""] = pass.split(".");
  const isSigned = isSameSecret(given, signature(token, use, `${until}.${nonce}`));
  return isSigned && Number.parseInt(until, 36) > now;
}

/**
 * What only a holder of the token answers to `question`. It names the server's port, so that
 * another server with the same token cannot be asked in its place.
 */
export function proofOf(
  token: string,
  { port, question }: { readonly port: number; readonly question: string },
): string {
  return signature(token, "proof", `${port} ${question}`);
}

function signature(token: string, use: string, stated: string): string {
  return createHmac("sha256", token).update(`${use} ${stated}`).digest("base64url");
}
