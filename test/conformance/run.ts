// Runs the real engine's cases through our code: `npm run conformance [-- DIR] [KIND]`. Prints `file met/total` for each file and a total;
// with a KIND its unmet cases, too. It takes whatever case files a folder holds.
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { conformance } from "./conformance.ts";

const [folder = fileURLToPath(new URL("../../../shared/conformance/", import.meta.url)), kind] = process.argv.slice(2);
const names = readdirSync(resolve(folder)).filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length));
let [met, total] = [0, 0];
for (const name of names.filter((candidate) => kind === undefined || candidate === kind)) {
  const result = conformance(resolve(folder), name);
  total += result.total;
  if (result.unmet === undefined) {
    console.log(`${name} not judged yet (${result.total} cases)`);
    continue;
  }
  met += result.total - result.unmet.length;
  console.log(`${name} ${result.total - result.unmet.length}/${result.total}`);
  if (kind !== undefined) for (const { answer, one } of result.unmet) console.log(`  ${answer.slice(0, 120)} ⟵ ${JSON.stringify(one).slice(0, 300)}`);
}
console.log(`total ${met}/${total}`);
