/** Which version the changelog is for, and who made it when. */
export interface ChangelogOptions {
  readonly version: string;
  /** `NAME <ADDRESS>` */
  readonly maintainer: string;
  readonly date: Date;
}

/**
 * Debian's changelog of a version, deb-changelog(5): the points of its section in CHANGELOG.md as
 * lines of at most 80 characters, without Markdown. Throws where there is no such section.
 */
export function changelogText(markdown: string, options: ChangelogOptions): string {
  const { version, maintainer, date } = options;
  const [, ...sections] = markdown.split(/^## /m);
  const section = sections.find((text) => text.startsWith(version));
  if (section === undefined) throw new Error(`CHANGELOG.md has no section of ${version}`);
  const points = section
    .split(/^- /m)
    .slice(1)
    .map((point) => wrapped(plain(point)));
  // Wed, 09 Dec 2026 10:00:00 +0000
  const time = date.toUTCString().replace("GMT", "+0000");
  return `saker (${version}) unstable; urgency=medium\n\n${points.join("")}\n -- ${maintainer}  ${time}\n`;
}

function plain(markdown: string): string {
  return markdown
    .replace(/\[([^\]]+)\]\([^)]+\)/g, "$1")
    .replace(/[`*]/g, "")
    .replace(/\s+/g, " ")
    .trim();
}

function wrapped(text: string): string {
  const lines = text.match(/\S(?:.{0,73}\S)?(?=\s|$)|\S+/g) ?? [];
  return `  * ${lines.join("\n    ")}\n`;
}
