// Runs the real engine's cases through our code: `npm run conformance [-- DIR [KIND]]`. Prints
// `file met/total` for each file and a total; with a KIND its unmet cases, too. It takes whatever
// case files a folder holds.
import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { conformance } from "./conformance.ts";
import { SKIPPED_KINDS, skipReason } from "./skips.ts";

const [given, kind] = process.argv.slice(2);
const folder = resolve(
  given ?? fileURLToPath(new URL("../../../shared/conformance/", import.meta.url)),
);
if (!existsSync(folder)) {
  console.error(
    `conformance: error: Cannot read cases of "${folder}": no such folder\nconformance: hint: name one with npm run conformance -- DIR`,
  );
  process.exit(2);
}
const names = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => name.slice(0, -".json".length));
let [met, total] = [0, 0];
for (const name of names.filter((candidate) => kind === undefined || candidate === kind)) {
  const result = conformance(folder, name);
  total += result.total;
  if (result.unmet === undefined) {
    console.log(
      `${name} 0/${result.total} (${SKIPPED_KINDS[name] ?? "nothing judges this kind yet"})`,
    );
    continue;
  }
  const skipped = result.unmet.filter(({ one }) => skipReason(name, one) !== undefined).length;
  met += result.total - result.unmet.length;
  console.log(
    `${name} ${result.total - result.unmet.length}/${result.total}${skipped > 0 ? ` (${skipped} skipped with a reason)` : ""}`,
  );
  if (kind !== undefined)
    for (const { answer, one } of result.unmet)
      console.log(
        `  ${skipReason(name, one) ?? answer.slice(0, 160)} ⟵ ${JSON.stringify(one).slice(0, 300)}`,
      );
}
console.log(`total ${met}/${total}`);
