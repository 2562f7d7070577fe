import { bytesUpTo } from "../lib/bytes-up-to.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { requireDigest } from "./digest.ts";
import type { Reference } from "./reference.ts";

/** How a registry is spoken to: as whom, and whether without TLS. */
export interface RegistryOptions {
  /** Name and password for the registry, where it asks for them. */
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
  /** http in place of https; loopback registries are spoken to in http anyway. */
  readonly plainHttp: boolean;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** The most bytes that are read of an answer. */
const LIMITS = { manifest: 4 << 20, token: 1 << 20 } as const;

const REQUEST_TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 5;

const MANIFEST_TYPES = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

/**
 * Reads manifests and blobs of one repository (OCI distribution specification 1.1). Every answer is
 * bounded and every blob's digest checked.
 */
export class RegistryClient {
  readonly #base: string;
  readonly #repository: string;
  readonly #host: string;
  readonly #options: RegistryOptions;
  #authorization: string | undefined;

  constructor(reference: Pick<Reference, "registry" | "repository">, options: RegistryOptions) {
    const scheme = options.plainHttp || isLoopback(reference.registry) ? "http" : "https";
    this.#base = `${scheme}://${reference.registry}/v2/${reference.repository}`;
    this.#repository = reference.repository;
    this.#host = reference.registry;
    this.#options = options;
  }

  /** A manifest by tag or digest. Throws `PEER_REGISTRY`, `INPUT_DIGEST`. */
  async manifest(target: string): Promise<Uint8Array> {
    const bytes = await this.#read(`${this.#base}/manifests/${target}`, {
      accept: MANIFEST_TYPES.join(", "),
      limit: LIMITS.manifest,
      what: `manifest "${target}"`,
    });
    if (target.includes(":")) requireDigest(bytes, target, `manifest "${target}"`);
    return bytes;
  }

  /** A blob by its digest, at most `limit` bytes of it. Throws `PEER_REGISTRY`, `INPUT_DIGEST`. */
  async blob(digest: string, limit: number): Promise<Uint8Array> {
    const bytes = await this.#read(`${this.#base}/blobs/${digest}`, {
      accept: "*/*",
      limit,
      what: `blob "${digest}"`,
    });
    requireDigest(bytes, digest, `blob "${digest}"`);
    return bytes;
  }

  async #read(
    url: string,
    {
      accept,
      limit,
      what,
    }: { readonly accept: string; readonly limit: number; readonly what: string },
  ): Promise<Uint8Array> {
    let response = await this.#get(url, accept);
    if (response.status === 401) {
      await response.body?.cancel();
      this.#authorization = await this.#authorize(response.headers.get("www-authenticate") ?? "");
      response = await this.#get(url, accept);
    }
    if (response.status === 200) return readBody(response, limit, `${what} of ${this.#host}`);
    await response.body?.cancel();
    const hints: Readonly<Record<number, string>> = {
      401: "log in with docker login, which writes ~/.docker/config.json",
      403: "the account may not read it",
      404: "look at the name and the tag",
    };
    throw this.#error(`${what}: it answered ${response.status}`, hints[response.status]);
  }

  /**
   * Follows redirects itself: never from https to http, and what proves who we are stays with the
   * registry.
   */
  async #get(start: string, accept: string): Promise<Response> {
    let url = new URL(start);
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const isOwn = url.host === new URL(this.#base).host;
      const headers = {
        accept,
        "user-agent": "saker",
        ...(isOwn && this.#authorization !== undefined
          ? { authorization: this.#authorization }
          : {}),
      };
      const response = await this.#fetch(url, headers);
      const location = response.headers.get("location");
      if (response.status < 300 || response.status > 399 || location === null) return response;
      await response.body?.cancel();
      const next = new URL(location, url);
      if (url.protocol === "https:" && next.protocol !== "https:")
        throw this.#error(
          `"${url.pathname}": it redirects from https to ${next.protocol}//${next.host}`,
        );
      url = next;
    }
    throw this.#error(
      `"${new URL(start).pathname}": it redirects more than ${MAX_REDIRECTS} times`,
    );
  }

  async #fetch(url: URL, headers: Readonly<Record<string, string>>): Promise<Response> {
    try {
      return await fetch(url, {
        headers,
        redirect: "manual",
        signal: AbortSignal.any([this.#options.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
      });
    } catch (thrown) {
      const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
      throw this.#error(
        `${url.host}: ${messageOf(cause)}`,
        url.protocol === "https:" ? "a registry without TLS needs --plain-http" : undefined,
      );
    }
  }

  /**
   * Answers a challenge: a token from the realm that it names (Docker's token authentication), or
   * the password itself.
   */
  async #authorize(challenge: string): Promise<string> {
    const { credentials } = this.#options;
    const basic =
      credentials === undefined
        ? undefined
        : `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
    if (/^basic\b/i.test(challenge)) {
      if (basic !== undefined && this.#authorization !== basic) return basic;
      throw this.#error(
        "it wants a name and a password",
        "log in with docker login, which writes ~/.docker/config.json",
      );
    }
    const parameter = (name: string): string | undefined =>
      new RegExp(`\\b${name}="([^"]*)"`).exec(challenge)?.[1];
    const realm = URL.parse(parameter("realm") ?? "");
    if (!/^bearer\b/i.test(challenge) || realm === null)
      throw this.#error(
        `it asks for a proof of identity that is not known here: "${challenge.slice(0, 100)}"`,
      );
    if (realm.protocol !== "https:" && this.#base.startsWith("https:"))
      throw this.#error(`it sends us to ${realm.protocol}//${realm.host} for a token, without TLS`);
    realm.searchParams.set("scope", parameter("scope") ?? `repository:${this.#repository}:pull`);
    const service = parameter("service");
    if (service !== undefined) realm.searchParams.set("service", service);
    const response = await this.#fetch(realm, {
      accept: "application/json",
      "user-agent": "saker",
      ...(basic === undefined ? {} : { authorization: basic }),
    });
    const body = await readBody(response, LIMITS.token, `token of ${realm.host}`);
    const { token, access_token: accessToken } = parseJson(body) as {
      token?: unknown;
      access_token?: unknown;
    };
    const found = typeof token === "string" ? token : accessToken;
    if (response.status !== 200 || typeof found !== "string" || /[\r\n]/.test(found))
      throw this.#error(`${realm.host} gave no token (${response.status})`);
    return `Bearer ${found}`;
  }

  #error(state: string, hint?: string): AppError {
    return new AppError("PEER_REGISTRY", `Cannot read from registry "${this.#host}": ${state}`, {
      hint,
    });
  }
}

/** JSON of a peer; what is none is an empty object. */
export function parseJson(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : {};
  } catch {
    return {};
  }
}

async function readBody(response: Response, limit: number, what: string): Promise<Uint8Array> {
  const failed = (state: string): AppError =>
    new AppError("PEER_REGISTRY", `Cannot read ${what}: ${state}`);
  if (response.body === null) return new Uint8Array(0);
  try {
    return await bytesUpTo(response.body, limit, () => failed(`it is longer than ${limit} bytes`));
  } catch (thrown) {
    throw thrown instanceof AppError ? thrown : failed(messageOf(thrown));
  }
}

function isLoopback(registry: string): boolean {
  const host = registry.replace(/:\d+$/, "");
  return host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}
