import { createHash } from "node:crypto";
import { AppError } from "../lib/errors.ts";

/** The sha256 digest of bytes, as OCI writes it. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Throws `INPUT_DIGEST` when bytes are not those that a digest (sha256 or sha512) is of. */
export function requireDigest(bytes: Uint8Array, digest: string, what: string): void {
  const [algorithm = "", wanted = ""] = digest.split(":");
  if (algorithm !== "sha256" && algorithm !== "sha512")
    throw new AppError(
      "INPUT_DIGEST",
      `Cannot check ${what}: "${digest}" is neither a sha256 nor a sha512 digest`,
    );
  const got = createHash(algorithm).update(bytes).digest("hex");
  if (got === wanted) return;
  throw new AppError(
    "INPUT_DIGEST",
    `Cannot use ${what}: its digest is ${algorithm}:${got}, not ${digest}`,
    { hint: "the registry, or somebody on the way, gave something else than was published" },
  );
}
