// Checks rules files as a pre-commit hook would: node check-rules.ts FILE…
import { checkRules, diagnosticText, readRules } from "saker/rules";

const files = readRules(process.argv.slice(2));
for (const { name, errors } of checkRules(files)) {
  console.log(`${name}: ${errors.length === 0 ? "ok" : `${errors.length} errors`}`);
  for (const error of errors) console.log(diagnosticText(error, files));
  if (errors.length > 0) process.exitCode = 1;
}
