/** One number of a family. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Numbers of one name. Names of counters are without `_total`. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly samples: readonly Sample[];
}

/** A family as text: OpenMetrics 1.0, or Prometheus' format 0.0.4. Empty where it has no numbers. */
export function familyText({ name, help, type, samples }: Family, isOpenMetrics: boolean): string {
  if (samples.length === 0) return "";
  const sampleName = type === "counter" ? `${name}_total` : name;
  const family = isOpenMetrics ? name : sampleName;
  const lines = samples.map(({ labels, value }) => `${sampleName}${labelsText(labels)} ${value}\n`);
  return `# HELP ${family} ${help}\n# TYPE ${family} ${type}\n${lines.join("")}`;
}

function labelsText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value
    .toWellFormed()
    .slice(0, VALUE_MAX)
    .replace(/[\\"\n]/g, (one) => (one === "\n" ? "\\n" : `\\${one}`));
}

/** Characters of a label. */
const VALUE_MAX = 256;
