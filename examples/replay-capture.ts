// Runs rules over a capture and counts alerts by rule: node replay-capture.ts FILE.scap [RULES…]
import { compileRules, readRules, replayCapture } from "saker/rules";

const [capture = "", ...paths] = process.argv.slice(2);
const counts = new Map<string, number>();
const { events } = await replayCapture(capture, {
  rules: compileRules(readRules(paths)),
  onAlert: ({ rule }) => void counts.set(rule, (counts.get(rule) ?? 0) + 1),
});
console.log(`${events} events`);
for (const [rule, count] of counts) console.log(`${count} ${rule}`);
