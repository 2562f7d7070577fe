import { defineConfig } from "oxlint";

/** A room: which others it may import, and whether it is pure (no I/O, no clock, no process). In the order of the flow. */
interface Room {
  readonly imports: readonly string[];
  readonly pure?: true;
  readonly why: string;
}

const ROOMS: Readonly<Record<string, Room>> = {
  lib: { imports: [], pure: true, why: "lib holds leaf tools, it knows nobody" },
  yaml: { imports: ["lib"], pure: true, why: "yaml is a text's shape, whatever it means" },
  shipped: {
    imports: [],
    why: "shipped is where Saker's own files lie: in its folder, or within the one file that it is",
  },
  libc: { imports: ["lib", "shipped"], why: "libc is the one door to the C library" },
  bpf: { imports: ["lib", "libc"], why: "bpf loads any probe: it knows no events" },
  events: { imports: ["lib"], pure: true, why: "events is the encoding: bytes in, values out" },
  untrusted: {
    imports: ["lib", "libc", "shipped"],
    why: "untrusted is the door to files that others choose, whoever reads or writes them",
  },
  containers: { imports: ["lib"], why: "containers tells what a cgroup is, whoever asks" },
  state: {
    imports: ["lib", "events", "containers"],
    pure: true,
    why: "state is what events made of the host; it asks no source",
  },
  fields: {
    imports: ["lib", "events", "containers", "state"],
    pure: true,
    why: "fields read the scene, nothing else",
  },
  rules: {
    imports: ["lib", "yaml", "events", "state", "fields"],
    pure: true,
    why: "rules see fields, never where events come from",
  },
  alerts: {
    imports: ["lib", "fields", "state", "rules"],
    pure: true,
    why: "alerts make a match presentable",
  },
  news: {
    imports: ["lib", "alerts", "audit"],
    pure: true,
    why: "news is what the engine reports: a shape, nothing that acts",
  },
  outputs: {
    imports: ["lib", "libc", "untrusted", "rules", "alerts", "news", "audit", "reports"],
    why: "outputs see news only, and how it looks as text",
  },
  capture: {
    imports: [
      "lib",
      "libc",
      "shipped",
      "untrusted",
      "bpf",
      "events",
      "containers",
      "ports",
      "state",
    ],
    why: "capture is where events come from; it meets outputs only in engine",
  },
  ports: { imports: ["lib", "libc", "containers"], why: "ports tells who listens" },
  tls: { imports: ["lib"], pure: true, why: "tls is the wire and knows no sockets" },
  audit: {
    imports: ["lib", "tls", "ports"],
    why: "audit probes and judges; it sees tls and ports",
  },
  reports: {
    imports: ["lib", "tls", "audit", "alerts"],
    pure: true,
    why: "reports turn findings into text",
  },
  artifacts: {
    imports: ["lib"],
    why: "artifacts pulls what others published: it knows registries and archives, not rules",
  },
  config: {
    imports: ["lib", "shipped", "yaml", "untrusted", "rules", "alerts", "outputs"],
    why: "config turns settings into typed options",
  },
  store: {
    imports: ["lib", "fields", "rules", "alerts", "news", "audit"],
    why: "store sees news only, and keeps them",
  },
  web: {
    imports: ["lib", "shipped", "rules", "alerts", "news", "audit", "reports", "store"],
    why: "web shows what the store keeps; what else it shows is handed to it",
  },
  history: {
    imports: ["lib", "shipped", "alerts", "news", "store", "web"],
    why: "history is the thread in which store and web live",
  },
  engine: {
    imports: [
      "lib",
      "libc",
      "shipped",
      "untrusted",
      "bpf",
      "events",
      "containers",
      "state",
      "fields",
      "rules",
      "alerts",
      "news",
      "outputs",
      "capture",
      "ports",
      "tls",
      "audit",
      "reports",
      "artifacts",
      "config",
    ],
    why: "engine wires the rooms; only cli and library stand above it",
  },
};

const NODE_IO = ["node:*", "koffi"];

/** What nobody imports but its own folder: the command line, and the doors of the package. */
const ABOVE_ALL = ["cli", "library"];

function borders(room: string, { imports, pure, why }: Room) {
  const forbidden = [...Object.keys(ROOMS), ...ABOVE_ALL].filter(
    (other) => other !== room && !imports.includes(other),
  );
  const patterns = [
    {
      group: forbidden.map((other) => `**/${other}/**`),
      message: `${room} may not import this room: ${why} (DESIGN, section 2)`,
    },
    { group: ["../**/_*"], message: "A file that starts with _ belongs to its folder alone" },
    ...(pure
      ? [
          {
            group: NODE_IO,
            message: `${room} is pure: time, randomness and I/O come in as arguments`,
          },
        ]
      : []),
  ];
  return {
    files: [`src/${room}/**/*.ts`],
    excludeFiles: ["src/**/*.test.ts"],
    rules: { "no-restricted-imports": ["error", { patterns }] as const },
  };
}

/** What the page shares with the rest: pure rooms' texts, and the shapes of the API. */
const PAGE_IMPORTS = ["lib", "rules", "reports", "audit", "web"];

const page = {
  files: ["ui/**/*.{ts,tsx}"],
  excludeFiles: ["ui/**/*.test.ts"],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          {
            group: [...Object.keys(ROOMS), ...ABOVE_ALL]
              .filter((room) => !PAGE_IMPORTS.includes(room))
              .map((room) => `**/src/${room}/**`),
            message: "The page talks to the server by its API alone",
          },
          {
            group: ["**/src/web/**", "**/src/audit/**"],
            message: "The page takes their types: what they do is done by the server",
            allowTypeImports: true,
          },
          { group: NODE_IO, message: "The page runs in a browser" },
        ],
      },
    ],
  },
} as const;

export default defineConfig({
  plugins: ["typescript", "import", "promise", "node", "unicorn", "oxc"],
  categories: { correctness: "error", suspicious: "error" },
  options: { typeAware: true },
  rules: {
    "import/no-cycle": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/consistent-type-imports": "error",
    "no-var": "error",
    "prefer-const": "error",
    "import/no-default-export": "error",
    "max-params": ["error", { max: 5 }],
    "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
    "no-await-in-loop": "off",
    "import/no-unassigned-import": "off",
    "no-underscore-dangle": "off",
    // `await using` is not for the Node that we support.
    "unicorn/consistent-function-scoping": "off",
    "unicorn/no-array-sort": "error",
    "no-shadow": "off",
    // Of windows' messages; ours go to threads.
    "unicorn/require-post-message-target-origin": "off",
    // The compiler checks it, and knows when a switch is exhaustive.
    "consistent-return": "off",
    "typescript/consistent-return": "off",
    // `as` stands at parse edges only, by review: the rule cannot tell an edge from the rest.
    "typescript/no-unsafe-type-assertion": "off",
    // The tables' short forms use no `this`.
    "typescript/unbound-method": "off",
    // `fc.property` reads better than a dozen imported names.
    "import/no-named-as-default-member": "off",
    "unicorn/no-array-reverse": "error",
  },
  overrides: [
    ...Object.entries(ROOMS).map(([room, rules]) => borders(room, rules)),
    page,
    ...ABOVE_ALL.map((room) =>
      borders(room, {
        imports: Object.keys(ROOMS),
        why: "what stands above all is imported by nobody",
      }),
    ),
    {
      files: ["**/*.test.ts", "test/**", "bench/**"],
      rules: {
        "max-lines-per-function": "off",
        "typescript/no-floating-promises": "off",
        "typescript/no-non-null-assertion": "off",
      },
    },
    // A type that is compared stands where it is used once.
    { files: ["test/types/**"], rules: { "typescript/no-unnecessary-type-parameters": "off" } },
    { files: ["oxlint.config.ts"], rules: { "import/no-default-export": "off" } },
  ],
  ignorePatterns: ["node_modules", "dist", "packed", ".tools"],
});
