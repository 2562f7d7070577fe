// Writes the documents that are made from the program's own tables: docs/fields.md,
// docs/weaknesses.md. With --check it only says whether they are up to date.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { STARTTLS_PROTOCOLS } from "../src/audit/starttls/protocols.ts";
import { WEAKNESSES } from "../src/audit/weaknesses/weaknesses.ts";
import { fieldMarks, fieldSyntax } from "../src/fields/describe-field.ts";
import { ALL_FIELDS } from "../src/fields/registry.ts";

const DOCUMENTS: Readonly<Record<string, () => string>> = {
  "docs/fields.md": fieldsDocument,
  "docs/weaknesses.md": weaknessesDocument,
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

const isCheck = process.argv.includes("--check");
for (const [name, make] of Object.entries(DOCUMENTS)) {
  const path = fileURLToPath(new URL(`../${name}`, import.meta.url));
  const text = make();
  if (!isCheck) {
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
