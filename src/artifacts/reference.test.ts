import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "../lib/errors.ts";
import { parseReference, referenceText } from "./reference.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

for (const [text, full] of [
  ["falco-rules", "ghcr.io/falcosecurity/rules/falco-rules:latest"],
  ["falco-rules:3", "ghcr.io/falcosecurity/rules/falco-rules:3"],
  ["ghcr.io/a/b:1.0", "ghcr.io/a/b:1.0"],
  ["localhost/a", "localhost/a:latest"],
  ["127.0.0.1:5000/a/b:x", "127.0.0.1:5000/a/b:x"],
  ["[::1]:5000/a:x", "[::1]:5000/a:x"],
  [`ghcr.io/a/b@${DIGEST}`, `ghcr.io/a/b@${DIGEST}`],
  [`ghcr.io/a/b:1@${DIGEST}`, `ghcr.io/a/b@${DIGEST}`],
] as const) {
  test(`parseReference() reads ${text}`, () => {
    assert.equal(referenceText(parseReference(text)), full);
  });
}

for (const [text, state] of [
  ["a/b", "it names no registry"],
  ["ghcr.io/", '"" is no repository'],
  ["ghcr.io/A/b", '"A/b" is no repository'],
  ["ghcr.io/../b", '"../b" is no repository'],
  ["ghcr.io/a:b c", '"b c" is no tag'],
  ["ghcr.io/a@sha256:12", '"sha256:12" is no sha256 or sha512 digest'],
  ["gh cr.io/a", '"gh cr.io" is no registry'],
  ["user@ghcr.io/a", '"ghcr.io/a" is no sha256 or sha512 digest'],
] as const) {
  test(`parseReference() refuses ${text}`, () => {
    assert.throws(
      () => parseReference(text),
      (error: unknown) =>
        error instanceof AppError &&
        error.code === "USAGE_REFERENCE" &&
        error.message.endsWith(state),
    );
  });
}
