import assert from "node:assert/strict";
import { test } from "node:test";
import { changelogText } from "./deb-changelog.ts";

const MARKDOWN = `# Changelog

## 0.2.0 (unreleased)

- \`saker completion\`: a shell's; see [the page](docs/page.md), and more words, so many that they need a second line.
- Another.

## 0.1.0

- Old.
`;
const OPTIONS = { maintainer: "M <m@h>", date: new Date("2026-12-09T10:00:00Z") };

test("changelogText() has the points of one version, as deb-changelog(5) asks for", () => {
  assert.equal(
    changelogText(MARKDOWN, { ...OPTIONS, version: "0.2.0" }),
    `saker (0.2.0) unstable; urgency=medium

  * saker completion: a shell's; see the page, and more words, so many that
    they need a second line.
  * Another.

 -- M <m@h>  Wed, 09 Dec 2026 10:00:00 +0000
`,
  );
});

test("changelogText() refuses a version that has no section", () => {
  assert.throws(
    () => changelogText(MARKDOWN, { ...OPTIONS, version: "0.3.0" }),
    /no section of 0\.3\.0/,
  );
});
