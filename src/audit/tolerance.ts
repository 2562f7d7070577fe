import { cipherSuite } from "../tls/cipher-suites.ts";
import {
  ABILITIES,
  HEARTBEAT,
  PROOFS,
  type VersionCode,
  versionName,
} from "../tls/client-hello.ts";
import { groupCodes, groupName } from "../tls/groups.ts";
import { schemeCodes, schemeName } from "../tls/signature-schemes.ts";
import {
  BROWSER_SHAPE,
  type HelloShape,
  LEGACY_SHAPE,
  MINIMAL_OLDER_SHAPE,
  MINIMAL_SHAPE,
} from "./hello-shape.ts";
import type { Hello, Prober } from "./prober.ts";
import { classifyAnswer, type Verdict } from "./verdict.ts";

/** A shape that the server bears, and the suite that it picked in it. */
export interface Borne {
  readonly shape: HelloShape;
  readonly suite: number;
}

/** What hellos of several shapes came to. */
export type Tolerance =
  | { readonly kind: "borne"; readonly borne: Borne }
  /** `isRefused`: each with the alert that says so. */
  | { readonly kind: "none"; readonly isRefused: boolean };

/**
 * Suites that one server of a version or another has, few enough for all: ECDHE, DHE and RSA with
 * GCM, CBC, 3DES and RC4.
 */
const FEW_SUITES: readonly number[] = [
  0xc02b, 0xc02f, 0xc02c, 0xc030, 0xc013, 0xc014, 0xc009, 0xc00a, 0x009e, 0x0033, 0x0039, 0x009c,
  0x002f, 0x0035, 0x000a, 0x0005,
];
const FEW_MODERN: readonly number[] = [0x1301, 0x1302, 0x1303];

/**
 * Looks for a shape of hello that a server bears which broke on the fullest: like a browser's, as
 * few as possible, as of old. Then finds out, part by part, what it chokes on, says so, and gives
 * the fullest shape that it bears.
 */
export async function findShape(prober: Prober, version: VersionCode): Promise<Tolerance> {
  const shapes =
    version < 0x0304
      ? [BROWSER_SHAPE, MINIMAL_OLDER_SHAPE, LEGACY_SHAPE]
      : [BROWSER_SHAPE, MINIMAL_SHAPE];
  const verdicts = await Promise.all(shapes.map((shape) => ask(prober, version, shape)));
  const index = verdicts.findIndex(({ kind }) => kind === "accepted");
  const [shape, verdict] = [shapes[index], verdicts[index]];
  if (shape === undefined || verdict?.kind !== "accepted") {
    const isRefused = verdicts.every(({ kind }) => kind === "refused" || kind === "unsupported");
    return { kind: "none", isRefused };
  }
  return {
    kind: "borne",
    borne: { shape: await widest(prober, version, shape), suite: verdict.suite },
  };
}

/** A hello that has everything that a shape lets through. */
function helloOf(version: VersionCode, suites: readonly number[]): Hello {
  if (version === 0x0304) return { version, suites };
  const extensions = [...ABILITIES, ...PROOFS, HEARTBEAT];
  return { version, suites, compressors: [1, 0], extensions };
}

function ask(prober: Prober, version: VersionCode, shape: HelloShape): Promise<Verdict> {
  return askSuites(prober, version, { shape, suites: fewSuites(version) });
}

function fewSuites(version: VersionCode): readonly number[] {
  return version === 0x0304 ? FEW_MODERN : FEW_SUITES;
}

async function askSuites(
  prober: Prober,
  version: VersionCode,
  { shape, suites }: { readonly shape: HelloShape; readonly suites: readonly number[] },
): Promise<Verdict> {
  const answer = await prober.hello(helloOf(version, suites), {
    shape,
    silenceMs: SILENCE_MS,
    isOnce: true,
  });
  return classifyAnswer(answer, version, suites);
}

/** A server that answers other hellos has said no to one that it is silent to for so long. */
const SILENCE_MS = 1500;

/** A part of the fullest hello that is added to a shape which is borne. */
interface Part {
  /** What the server chokes on when it does not bear it. */
  readonly name: string;
  readonly add: (shape: HelloShape) => HelloShape;
}

/** Adds each part alone; those that are borne, together, where that is borne. */
async function widest(prober: Prober, version: VersionCode, base: HelloShape): Promise<HelloShape> {
  const isBorne = async (shape: HelloShape): Promise<boolean> =>
    (await ask(prober, version, shape)).kind === "accepted";
  const parts = base.isBare ? [] : partsOf(version, base);
  const borne = await Promise.all(parts.map(({ add }) => isBorne(add(base))));
  const chokes = parts.filter((_, index) => borne[index] === false).map(({ name }) => name);
  const wide = parts
    .filter((_, index) => borne[index] === true)
    .reduce((shape, { add }) => add(shape), base);
  let [shape, isWhole] = [wide, wide === base || (await isBorne(wide))];
  if (!isWhole) {
    shape = { ...wide, isPadded: true };
    isWhole = await isBorne(shape);
    chokes.push(isWhole ? "hellos of some lengths" : "too much at once");
  }
  const noted = base.isBare ? ["extensions"] : chokes;
  if (noted.length > 0)
    prober.note(versionName(version), `the server chokes on ${noted.join(", ")}: asked without`);
  return isWhole ? shape : base;
}

function partsOf(version: VersionCode, base: HelloShape): Part[] {
  return [
    ...listParts(version, base),
    ...(version === 0x0304
      ? [{ name: "an empty key_share", add: (s: HelloShape) => ({ ...s, hasKeyShare: false }) }]
      : [
          { name: "compression", add: (s: HelloShape) => ({ ...s, compresses: true }) },
          ...base.without.map((type) => ({
            name: extensionName(type),
            add: (s: HelloShape) => ({ ...s, without: s.without.filter((one) => one !== type) }),
          })),
        ]),
  ];
}

/** Groups and schemes by kind: a server that refuses one kind may bear the others. */
function listParts(version: VersionCode, base: HelloShape): Part[] {
  const groups = Map.groupBy(
    groupCodes(version).filter((code) => base.groups?.includes(code) !== true),
    (code) =>
      code < 23
        ? "old curves"
        : code < 256
          ? "further curves"
          : code < 512
            ? "FFDHE groups"
            : "post-quantum groups",
  );
  const schemes = Map.groupBy(
    schemeCodes(version).filter((code) => base.schemes?.includes(code) !== true),
    (code) =>
      code >> 8 === 8
        ? "PSS and EdDSA schemes"
        : code >> 8 >= 7
          ? "new signature schemes"
          : "old signature schemes",
  );
  return [
    ...[...groups].map(([kind, codes]) => ({
      name: `${kind} (${codes.map(groupName).join(" ")})`,
      add: (s: HelloShape) => ({ ...s, groups: [...(s.groups ?? []), ...codes] }),
    })),
    ...[...schemes].map(([kind, codes]) => ({
      name: `${kind} (${codes.map(schemeName).join(" ")})`,
      add: (s: HelloShape) => ({ ...s, schemes: [...(s.schemes ?? []), ...codes] }),
    })),
  ];
}

const EXTENSION_NAMES: Readonly<Record<number, string>> = {
  5: "status_request",
  15: "heartbeat",
  18: "signed_certificate_timestamp",
  22: "encrypt_then_mac",
  23: "extended_master_secret",
  35: "session_ticket",
  0xff01: "renegotiation_info",
};

function extensionName(type: number): string {
  return EXTENSION_NAMES[type] ?? `extension ${type}`;
}

/** Questions of one search for suites that a server chokes on. */
const MAX_QUESTIONS = 96;

/** Suites that are not taken apart any further: each question costs a connection. */
const SMALLEST = 1;

/** Suites that may be offered together, and those that may not at all. */
export interface BorneSuites {
  readonly offers: readonly (readonly number[])[];
  readonly unborne: readonly number[];
}

/**
 * Splits suites until each part is borne beside one that the server is known to pick: an answer
 * then says that the part is borne, whatever the server's way to refuse.
 */
export async function borneSuites(
  prober: Prober,
  version: VersionCode,
  { borne, suites }: { readonly borne: Borne; readonly suites: readonly number[] },
): Promise<BorneSuites> {
  const { shape, suite: anchor } = borne;
  const offers: (readonly number[])[] = [];
  const unborne: number[] = [];
  let questions = 0;
  const search = async (part: readonly number[]): Promise<void> => {
    if (part.length === 0) return;
    questions += 1;
    const offered = part.includes(anchor) ? part : [...part, anchor];
    const verdict = await askSuites(prober, version, { shape, suites: offered });
    if (verdict.kind === "accepted") {
      offers.push(part);
      return;
    }
    if (part.length <= SMALLEST || questions > MAX_QUESTIONS || prober.isOver) {
      unborne.push(...part);
      return;
    }
    const middle = part.length >> 1;
    await Promise.all([search(part.slice(0, middle)), search(part.slice(middle))]);
  };
  await search(suites.toSorted((a, b) => oddity(a) - oddity(b)));
  return { offers, unborne };
}

/** Suites that strict peers know come first, so that those they choke on stand together. */
function oddity(id: number): number {
  const { isAnonymous, exportBits, bits, isMd5, cipher, hasPskHint } = cipherSuite(id);
  const isWeak = isAnonymous || exportBits !== undefined || bits < 112 || isMd5;
  const isRare = id > 0xc0ff || hasPskHint || !/^(?:AES|3DES|CHACHA20|RC4)$/.test(cipher);
  return (isWeak ? 4 : 0) + (id > 0xc0ff ? 2 : 0) + (isRare ? 1 : 0);
}
