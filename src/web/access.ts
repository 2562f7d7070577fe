import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { Refusal } from "./answer.ts";
import { isGoodPass, isSameSecret, passUntil, proofOf } from "./token.ts";

/** Who may ask, and by which names. */
export interface AccessOptions {
  readonly token: string;
  /** Where it listens. */
  readonly address: string;
  /** The host's own name. */
  readonly hostname: string;
  /** `HOST:PORT` by which the page is reached, besides those of loopback. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly isTls: boolean;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Who may ask: whoever has the token (Bearer, or Basic with any name), or a session that was begun
 * with it. Requests under another name (DNS rebinding) and from other pages are refused before.
 */
export class Access {
  readonly #options: AccessOptions;
  readonly #hosts: ReadonlySet<string>;
  /** Words for one use that were used, until they end anyway. */
  readonly #used = new Map<string, number>();
  #failures = 0;
  #failuresAt = 0;

  constructor(options: AccessOptions) {
    this.#options = options;
    const { port, hosts } = options;
    const names = ["127.0.0.1", "localhost", "[::1]", options.hostname, nameOf(options.address)];
    // Browsers leave the scheme's own port out.
    const isUsual = port === (options.isTls ? 443 : 80);
    const own = names.flatMap((name) => [`${name}:${port}`, ...(isUsual ? [name] : [])]);
    this.#hosts = new Set([...own, ...hosts].map((host) => host.toLowerCase()));
  }

  /** Throws `Refusal` for a request that a page of another site may have made. */
  requireOwnSite({ headers, method }: IncomingMessage): void {
    const host = headers.host?.toLowerCase() ?? "";
    if (!this.#hosts.has(host) && !this.#isAddress(host))
      throw new Refusal(421, "The page has another name", `"${host}" is not one of web.hosts`);
    const { origin } = headers;
    const site = headers["sec-fetch-site"];
    const isOther = origin !== undefined && !this.#isOwnOrigin(origin, host);
    // What only reads is opened from links of others, too; its answer they never see.
    const isFromOther = site === "cross-site" || site === "same-site";
    if (isOther || (isFromOther && method !== "GET" && method !== "HEAD"))
      throw new Refusal(403, "Another site's page may not ask");
  }

  /** Served at all addresses, it is reached by each of them; no name is rebound to say so. */
  #isAddress(host: string): boolean {
    const { address, port, isTls } = this.#options;
    if (address !== "0.0.0.0" && address !== "::") return false;
    const [, v6, v4, stated] = /^(?:\[([\da-f:.]+)\]|([\d.]+))(?::(\d+))?$/.exec(host) ?? [];
    return isIP(v6 ?? v4 ?? "") > 0 && Number(stated ?? (isTls ? 443 : 80)) === port;
  }

  /** Throws `Refusal` when the request has neither token nor session. */
  requireLogin(request: IncomingMessage): void {
    if (this.isLoggedIn(request)) return;
    if (request.headers.authorization !== undefined) throw this.#failed();
    throw new Refusal(401, "Log in first", "saker open prints the page's address");
  }

  isLoggedIn({ headers }: IncomingMessage): boolean {
    const { authorization = "" } = headers;
    const [, scheme = "", credentials = ""] = /^(\w+) +(\S+)$/.exec(authorization) ?? [];
    if (scheme.toLowerCase() === "bearer") return this.#isToken(credentials);
    if (scheme.toLowerCase() === "basic") {
      const pair = Buffer.from(credentials, "base64").toString();
      return this.#isToken(pair.slice(pair.indexOf(":") + 1));
    }
    return this.#isSession(cookieOf(headers.cookie ?? "", this.#cookieName));
  }

  /** The session's cookie, for the token. Throws `Refusal`. */
  logIn(token: string): string {
    if (!this.#isToken(token)) throw this.#failed();
    return this.#newSession();
  }

  /** The session's cookie, for a word of a link that was not used yet; undefined for any other. */
  logInOnce(word: string): string | undefined {
    const { token, now } = this.#options;
    for (const [used, until] of this.#used) if (until < now()) this.#used.delete(used);
    const isGood = isGoodPass(word, { token, use: "once", now: now() }) && !this.#used.has(word);
    if (!isGood) return undefined;
    this.#used.set(word, now() + ONCE_MS);
    return this.#newSession();
  }

  /** Shows whoever has the token that this server has it, too. */
  prove(question: string): string {
    const { token, port } = this.#options;
    return proofOf(token, { port, question });
  }

  /** The cookie that ends a session. */
  logOut(): string {
    return this.#cookie("", 0);
  }

  #newSession(): string {
    const { token, now } = this.#options;
    return this.#cookie(passUntil(token, "session", now() + SESSION_MS), SESSION_MS / 1000);
  }

  #cookie(value: string, maxAge: number): string {
    const secure = this.#options.isTls ? "; Secure" : "";
    return `${this.#cookieName}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAge}${secure}`;
  }

  /** Cookies know no ports: two watches of one host have one each. */
  get #cookieName(): string {
    return `saker_${this.#options.port}`;
  }

  #isOwnOrigin(origin: string, host: string): boolean {
    return origin.toLowerCase() === `${this.#options.isTls ? "https" : "http"}://${host}`;
  }

  #isToken(given: string): boolean {
    return isSameSecret(given, this.#options.token);
  }

  #isSession(pass: string | undefined): boolean {
    const { token, now } = this.#options;
    return pass !== undefined && isGoodPass(pass, { token, use: "session", now: now() });
  }

  /** Failures alone are counted: nobody is kept out by those of others. */
  #failed(): Refusal {
    const now = this.#options.now();
    this.#failures = Math.max(0, this.#failures - (now - this.#failuresAt) / FAILURE_MS) + 1;
    this.#failuresAt = now;
    if (this.#failures > FAILURES_MAX) return new Refusal(429, "Too many wrong tokens");
    return new Refusal(401, "The token is wrong", "saker open prints the page's address");
  }
}

/** A word for one login, that is good for ten minutes. `now`: epoch milliseconds. */
export function onceWord(token: string, now: number): string {
  return passUntil(token, "once", now + ONCE_MS);
}

/** As it stands in a URL. */
function nameOf(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

function cookieOf(cookies: string, name: string): string | undefined {
  for (const pair of cookies.split(";")) {
    const [key = "", value] = pair.trim().split("=", 2);
    if (key === name) return value;
  }
  return undefined;
}

const ONCE_MS = 600_000;
const SESSION_MS = 7 * 86_400_000;
/** Wrong tokens in a row, and how long until one of them is forgotten. */
const FAILURES_MAX = 10;
const FAILURE_MS = 6000;
