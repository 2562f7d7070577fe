import { AppError } from "../lib/errors.ts";

/** Where an artifact lies (OCI distribution specification 1.1, "pulling manifests"). */
export interface Reference {
  /** Host with an optional port. */
  readonly registry: string;
  readonly repository: string;
  /** A tag, or a digest such as `sha256:…`, which wins over a tag. */
  readonly target: string;
}

/** Bare names are those of falcoctl's default index: the rules that Falco publishes. */
const DEFAULT_REPOSITORY = { registry: "ghcr.io", repository: "falcosecurity/rules" } as const;

const DOMAIN = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
const REPOSITORY =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/**
 * `registry/repository:tag`, `registry/repository@sha256:…`, or a bare name such as
 * `falco-rules:3`, which is one of Falco's own. Without a tag,
 * `latest` is meant. Throws `USAGE_REFERENCE`.
 */
export function parseReference(text: string): Reference {
  const fail = (state: string): never => {
    throw new AppError(
      "USAGE_REFERENCE",
      `Cannot use "${text}" as a reference to an artifact: ${state}`,
      { hint: "write registry/repository:tag, such as ghcr.io/falcosecurity/rules/falco-rules:3" },
    );
  };
  const [named, digest] = splitOnce(text, "@");
  const slash = named.indexOf("/");
  const first = slash < 0 ? "" : named.slice(0, slash);
  const hasRegistry = /[.:[]/.test(first) || first === "localhost";
  if (slash >= 0 && !hasRegistry) return fail("it names no registry");
  const rest = hasRegistry ? named.slice(slash + 1) : named;
  const [path, tag] = splitOnce(rest, ":");
  const repository = hasRegistry ? path : `${DEFAULT_REPOSITORY.repository}/${path}`;
  const registry = hasRegistry ? first : DEFAULT_REPOSITORY.registry;
  if (!DOMAIN.test(registry)) return fail(`"${registry}" is no registry`);
  if (path === "" || !REPOSITORY.test(repository)) return fail(`"${path}" is no repository`);
  if (tag !== undefined && !TAG.test(tag)) return fail(`"${tag}" is no tag`);
  if (digest !== undefined && !DIGEST.test(digest))
    return fail(`"${digest}" is no sha256 or sha512 digest`);
  return { registry, repository, target: digest ?? tag ?? "latest" };
}

/** A reference written out. */
export function referenceText({ registry, repository, target }: Reference): string {
  return `${registry}/${repository}${target.includes(":") ? "@" : ":"}${target}`;
}

function splitOnce(text: string, by: string): readonly [string, string | undefined] {
  const at = text.indexOf(by);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + by.length)];
}
