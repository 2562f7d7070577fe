// Writes the documents that are made from the program's own tables: docs/fields.md,
// docs/weaknesses.md, docs/clients.md, docs/config.md, the manual pages in docs/man, and the schema of the chart's values. With --check it only says whether they are up to date.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { CLIENT_SOURCES, CLIENTS } from "../src/audit/clients/client-table.ts";
import { STARTTLS_PROTOCOLS } from "../src/audit/starttls/protocols.ts";
import { WEAKNESSES } from "../src/audit/weaknesses/weaknesses.ts";
import { allKeys } from "../src/config/config-file.ts";
import type { Key } from "../src/config/key.ts";
import { outputKey } from "../src/config/keys.ts";
import { FALCO_OPTIONS } from "../src/cli/falco-options.ts";
import { sakerCommand } from "../src/cli/program.ts";
import type { Option } from "../src/outputs/option.ts";
import { POSTED_OPTIONS } from "../src/outputs/posted.ts";
import { OUTPUT_KINDS } from "../src/outputs/registry.ts";

import { type VersionCode, versionName } from "../src/tls/client-hello.ts";
import { groupName } from "../src/tls/groups.ts";
import { fieldMarks, fieldSyntax } from "../src/fields/describe-field.ts";
import { ALL_FIELDS } from "../src/fields/registry.ts";
import { chartSchema } from "./chart-schema.ts";
import { manPages } from "./man-pages.ts";

const COMMON = Object.values<Option<unknown>>(POSTED_OPTIONS);
const SERVICES = Object.values(OUTPUT_KINDS).filter(({ options }) => "minimumPriority" in options);

const DOCUMENTS: Readonly<Record<string, () => string>> = {
  "docs/fields.md": fieldsDocument,
  "docs/weaknesses.md": weaknessesDocument,
  "docs/clients.md": clientsDocument,
  "docs/config.md": configDocument,
  "deploy/helm/saker/values.schema.json": () => `${JSON.stringify(chartSchema(), null, 2)}\n`,
  ...Object.fromEntries(
    Array.from(manPages(sakerCommand()), ([name, text]) => [
      `docs/man/man1/${name}`,
      () => `${text}\n`,
    ]),
  ),
};

function fieldsDocument(): string {
  const classes = [...new Set(ALL_FIELDS.map((field) => field.class))];
  const sections = classes.map((name) => {
    const rows = ALL_FIELDS.filter((field) => field.class === name).map(
      (field) =>
        `| \`${fieldSyntax(field).replaceAll("|", "\\|")}\` | ${field.type} | ${[field.doc.replaceAll("|", "\\|"), ...fieldMarks(field).map((mark) => `*${mark}*`)].join("; ")} |`,
    );
    return `## ${name}\n\n| field | type | what it is |\n|---|---|---|\n${rows.join("\n")}\n`;
  });
  return `# Fields\n\nMade by \`node scripts/docs.ts\` from the table that the rules are compiled against (\`src/fields\`); \`saker fields\` prints the same.\nWhat is *not computed yet* may stand in rules and is always missing.\n\n${sections.join("\n")}`;
}

function weaknessesDocument(): string {
  const rows = WEAKNESSES.map(
    ({ id, severity, title, explanation }) =>
      `| \`${id}\` | ${severity} | ${title} | ${explanation} |`,
  );
  const protocols = STARTTLS_PROTOCOLS.map(({ name }) => `\`${name}\``).join(", ");
  return `# Weaknesses\n\nMade by \`node scripts/docs.ts\` from the tables that the audit works by (\`src/audit\`). [The audit](audit.md) tells how they are judged.\n\n| id | severity | what | what it means |\n|---|---|---|---|\n${rows.join("\n")}\n\n## Protocols in which TLS is asked for\n\n${protocols}.\n`;
}

function clientsDocument(): string {
  const rows = CLIENTS.map(({ name, date, source, versions: [oldest, newest], groups, alpn }) => {
    const range = [oldest, newest].map((code) => versionName(code as VersionCode)).join(" to ");
    const cells = [name, date, source, range, groups.map(groupName).join(", "), alpn.join(", ")];
    return `| ${cells.join(" | ")} |`;
  });
  const sources = Object.entries(CLIENT_SOURCES).map(([name, text]) => `- \`${name}\`: ${text}.`);
  return `# Clients\n\nMade by \`node scripts/docs.ts\` from the table that the audit works by (\`src/audit/clients\`). What each of them gets from a server is worked\nout of what the audit has found: [the audit](audit.md) tells how. The date is that of the release, or of the measurement.\n\n${sources.join("\n")}\n\n| client | date | known from | versions | groups | ALPN |\n|---|---|---|---|---|---|\n${rows.join("\n")}\n`;
}

function configDocument(): string {
  const keys = allKeys();
  const others = keys.filter(({ doc }) => doc === "");
  const neutral = others
    .filter((key) => key.neutral !== undefined)
    .map(({ name, neutral }) => `| \`${name}\` | ${neutral} |`);
  const unsupported = others.flatMap(({ name, unsupported }) =>
    unsupported === undefined ? [] : [`| \`${name}\` | ${unsupported.reason} |`],
  );
  const falcoOptions = Object.values(FALCO_OPTIONS).map(({ flags, doc, neutral, refused }) => {
    const kind = neutral === undefined ? "Refused" : "No effect";
    const reason = neutral ?? refused;
    return `| \`${cell(flags)}\` | ${cell(doc)}${reason === undefined ? "" : `. *${kind}: ${reason}.*`} |`;
  });
  const outputs = Object.values(OUTPUT_KINDS).map(({ section, doc }) => `- \`${section}\`: ${doc}`);
  return `${CONFIG_INTRODUCTION}
| key | value | default | what it does |
|---|---|---|---|
${keys
  .filter(({ name, doc }) => doc !== "" && !isOfAllServices(name))
  .map(keyRow)
  .join("\n")}

## Outputs

${outputs.join("\n")}

${servicesText()}

\`\${NAME}\` takes an address or a password from the environment, or, where only \`NAME_FILE\` is set there, from the file of that path (as secrets of Docker and Kubernetes are mounted); \`config print\` shows neither.

Besides, the report's \`falco_report.txt\` has every alert and \`openport.txt\` those of opened ports. Each output has a queue of its own: one that is slow,
full or broken holds no other. What cannot be delivered is tried again with growing pauses; what was refused or had no room is counted by reason.
What was refused for good stands with the answer in \`refused.jsonl\` of the report folder (4 MB, and as much of before in \`refused.jsonl.1\`); \`saker outputs refused\` shows it.
What an output that sends elsewhere has not delivered is kept in the store, over restarts, too ([decision 20](decisions/0020-the-store-is-the-outbox.md)).

## Keys that Falco has and Saker does without

They may stand in the file; nothing is lost by that.

| key | why |
|---|---|
${neutral.join("\n")}

## Keys that are reported when they are set

| key | what does not happen |
|---|---|
${unsupported.join("\n")}

## Falco's command line

\`saker falco\` takes Falco's own options, so that in a unit file \`/usr/bin/falco\` becomes \`saker falco\` and the rest stays. Options that mean nothing here are told,
not swallowed; \`--report FOLDER\` is Saker's own.

| option | what it does |
|---|---|
${falcoOptions.join("\n")}
`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function keyRow(key: Key<unknown>): string {
  const effect = key.neutral === undefined ? key.doc : `${key.doc} *No effect: ${key.neutral}.*`;
  return `| \`${key.name}\` | ${cell(key.type.name)} | \`${cell(JSON.stringify(key.default))}\` | ${cell(effect)} |`;
}

/** What all services have stands once. */
function servicesText(): string {
  const names = SERVICES.map(({ section }) => `\`${section}\``).join(", ");
  const rows = COMMON.map((option) => keyRow(outputKey("SERVICE", option)));
  return `Each of the services (${names}) is on when it has its address or its key; the keys are falcosidekick's. Each has these, too:

| key | value | default | what it does |
|---|---|---|---|
${rows.join("\n")}`;
}

function isOfAllServices(name: string): boolean {
  return SERVICES.some(({ section }) => COMMON.some(({ key }) => `${section}.${key}` === name));
}

const CONFIG_INTRODUCTION = `# Configuration

Made by \`node scripts/docs.ts\` from the table that the configuration is read by (\`src/config/keys.ts\`).

\`saker watch --config FILE\` takes a saker.yaml or an existing falco.yaml: YAML, the same keys. Their order never matters. \`\${NAME}\` in a value is the
environment's variable, expanded again in its value; \`$\${NAME}\` stays as it is. A wrong value ends the start with its place; a key that nobody knows is
reported with what may have been meant. \`saker config check FILE\` reports all of it, \`saker config print FILE\` shows what holds and where it is from, \`saker config schema\` is a JSON Schema for editors.
`;

const isCheck = process.argv.includes("--check");
for (const [name, make] of Object.entries(DOCUMENTS)) {
  const path = fileURLToPath(new URL(`../${name}`, import.meta.url));
  const text = make();
  if (!isCheck) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } else if (readIfThere(path) !== text) {
    console.error(
      `docs: error: ${name} is not what the tables say\ndocs: hint: run node scripts/docs.ts`,
    );
    process.exitCode = 1;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
