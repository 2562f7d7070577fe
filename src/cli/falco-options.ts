/** One option of Falco's command line. */
export interface FalcoOption {
  /** As Commander reads them. */
  readonly flags: string;
  readonly doc: string;
  /** May be given more than once. */
  readonly repeats?: true;
  /** It is answered, and nothing is watched. */
  readonly answers?: true;
  /** Why it has no effect here: told when it is given. */
  readonly neutral?: string;
  /** Why it cannot be done here, and what to do instead: an error when it is given. */
  readonly refused?: string;
}

const PLUGINS = "Saker loads no plug-ins";
const GONE = "Falco itself has it no more";

/**
 * Falco's options: those of 0.44, and those of earlier versions that unit files still have. What
 * Saker does otherwise, or not at all, is said; none is swallowed.
 */
export const FALCO_OPTIONS: Readonly<Record<string, FalcoOption>> = {
  c: { flags: "-c <path>", doc: "the configuration (default: /etc/falco/falco.yaml)" },
  configSchema: {
    flags: "--config-schema",
    doc: "print a JSON Schema of the configuration",
    answers: true,
  },
  ruleSchema: { flags: "--rule-schema", doc: "print a JSON Schema of rules files", answers: true },
  disableSource: {
    flags: "--disable-source <source>",
    doc: "without this source of events; there is syscall alone",
    repeats: true,
  },
  enableSource: {
    flags: "--enable-source <source>",
    doc: "with these sources of events alone; there is syscall",
    repeats: true,
  },
  dryRun: { flags: "--dry-run", doc: "load configuration and rules, and end", answers: true },
  i: {
    flags: "-i",
    doc: "print the calls that are sent with base_syscalls.all alone",
    answers: true,
  },
  L: {
    flags: "-L",
    doc: "print name and description of all rules (JSON with json_output)",
    answers: true,
  },
  l: { flags: "-l <rule>", doc: "the same of one rule", answers: true },
  list: { flags: "--list [source]", doc: "print the fields that rules may ask for", answers: true },
  listEvents: { flags: "--list-events", doc: "print the events that there are", answers: true },
  listPlugins: {
    flags: "--list-plugins",
    doc: "print the plug-ins: there are none",
    answers: true,
  },
  M: { flags: "-M <seconds>", doc: "stop after so many seconds" },
  markdown: { flags: "--markdown", doc: "as --format markdown" },
  format: { flags: "--format <format>", doc: "of --list and --list-events: text, markdown, json" },
  N: { flags: "-N", doc: "with --list names alone" },
  option: {
    flags: "-o, --option <key=value>",
    doc: "a key of the configuration with another value",
    repeats: true,
  },
  pluginInfo: { flags: "--plugin-info <plugin>", doc: "print what a plug-in is", refused: PLUGINS },
  print: {
    flags: "-p, --print <format>",
    doc: "append this to every rule's output; c, container, k and kubernetes stand for what is appended anyway",
  },
  pidfile: { flags: "-P, --pidfile <file>", doc: "write the process's number there" },
  r: {
    flags: "-r <path>",
    doc: "rules file or folder, in place of the configuration's",
    repeats: true,
  },
  support: {
    flags: "--support",
    doc: "print versions, configuration and rules files as JSON",
    answers: true,
  },
  unbuffered: {
    flags: "-U, --unbuffered",
    doc: "lines are written at once, as they are without it",
  },
  validate: {
    flags: "-V, --validate <file>",
    doc: "load this rules file, say whether it is valid, and end; exit code 1 when one is not",
    repeats: true,
    answers: true,
  },
  v: { flags: "-v", doc: "say more (log_level=debug)" },
  version: { flags: "--version", doc: "print the version (JSON with json_output)", answers: true },
  pageSize: { flags: "--page-size", doc: "print the size of a page of memory", answers: true },
  allEvents: { flags: "-A", doc: "as base_syscalls.all=true (Falco before 0.39)" },
  base64: { flags: "-b, --print-base64", doc: "as buffer_format_base64=true (before 0.40)" },
  D: {
    flags: "-D <text>",
    doc: "switch rules off whose names have this text (before 0.40)",
    repeats: true,
  },
  T: { flags: "-T <tag>", doc: "switch rules with this tag off (before 0.40)", repeats: true },
  t: { flags: "-t <tag>", doc: "rules with this tag alone (before 0.40)", repeats: true },
  e: { flags: "-e <file>", doc: "replay a capture file (before 0.40)" },
  snaplen: { flags: "-S, --snaplen <bytes>", doc: "as falco_libs.snaplen (before 0.40)" },
  cri: {
    flags: "--cri <socket>",
    doc: "as container_engines.cri.sockets (before 0.41)",
    repeats: true,
  },
  disableCriAsync: {
    flags: "--disable-cri-async",
    doc: "containers are waited for (before 0.41)",
    neutral: "an alert that needs its container's name waits for it anyway",
  },
  modernBpf: {
    flags: "--modern-bpf",
    doc: "the eBPF probe (before 0.38)",
    neutral: "Saker's own probe takes the place of Falco's drivers",
  },
  kubernetes: {
    flags: "-k, --k8s-api <url>",
    doc: "ask Kubernetes (before 0.37)",
    neutral: "pods are known from the containers' runtime",
  },
  kubernetesCertificate: {
    flags: "-K, --k8s-api-cert <file>",
    doc: "credentials for Kubernetes (before 0.37)",
    neutral: "pods are known from the containers' runtime",
  },
  node: {
    flags: "--k8s-node <name>",
    doc: "pods of this node alone (before 0.37)",
    neutral: "pods are known from the containers' runtime",
  },
  daemon: {
    flags: "-d, --daemon",
    doc: "run in the background (before 0.37)",
    refused: `${GONE}: a unit of systemd's starts it in the background`,
  },
  statistics: {
    flags: "-s <file>",
    doc: "write statistics there (before 0.38)",
    refused: `${GONE}: -o metrics.enabled=true -o metrics.output_file=FILE writes them`,
  },
  statsInterval: {
    flags: "--stats-interval <ms>",
    doc: "how often statistics are written (before 0.38)",
    refused: `${GONE}: -o metrics.interval=30s`,
  },
  noDriver: {
    flags: "--nodriver",
    doc: "events of plug-ins alone (before 0.38)",
    refused: PLUGINS,
  },
  gvisorConfig: {
    flags: "-g, --gvisor-config <file>",
    doc: "events of gVisor (before 0.38)",
    refused: "Saker watches by eBPF, which sees no calls within gVisor",
  },
  userspace: {
    flags: "-u, --userspace",
    doc: "another driver (before 0.37)",
    refused: `${GONE}; Saker watches by eBPF`,
  },
};

/** The options of `saker falco`, as they were typed: by the names of `FALCO_OPTIONS`. */
export interface FalcoCommandOptions {
  readonly c?: string;
  readonly configSchema?: boolean;
  readonly ruleSchema?: boolean;
  readonly disableSource: readonly string[];
  readonly enableSource: readonly string[];
  readonly dryRun?: boolean;
  readonly i?: boolean;
  readonly L?: boolean;
  readonly l?: string;
  readonly list?: string | true;
  readonly listEvents?: boolean;
  readonly listPlugins?: boolean;
  readonly M?: string;
  readonly markdown?: boolean;
  readonly format?: string;
  readonly N?: boolean;
  readonly option: readonly string[];
  readonly print?: string;
  readonly pidfile?: string;
  readonly r: readonly string[];
  readonly support?: boolean;
  readonly validate: readonly string[];
  readonly v?: boolean;
  readonly version?: boolean;
  readonly pageSize?: boolean;
  readonly allEvents?: boolean;
  readonly base64?: boolean;
  readonly D: readonly string[];
  readonly T: readonly string[];
  readonly t: readonly string[];
  readonly e?: string;
  readonly snaplen?: string;
  readonly cri: readonly string[];
  readonly report?: string;
}
