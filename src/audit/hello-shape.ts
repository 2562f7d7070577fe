import { EXTENSION } from "../tls/client-hello.ts";
import type { Hello } from "./prober.ts";

/** What a target's hellos may hold: learnt where a server breaks on the fullest one. */
export interface HelloShape {
  /** Codes of groups and schemes that may be offered; all of the version when left out. */
  readonly groups?: readonly number[] | undefined;
  readonly schemes?: readonly number[] | undefined;
  /** Types of extensions that are left out. */
  readonly without: readonly number[];
  /** Offers compression where that is asked for. */
  readonly compresses: boolean;
  readonly isBare: boolean;
  /** TLS 1.3: sends a key at once instead of having the server ask for one. */
  readonly hasKeyShare: boolean;
  readonly isPadded: boolean;
}

/** Everything. */
export const FULL_SHAPE: HelloShape = {
  without: [],
  compresses: true,
  isBare: false,
  hasKeyShare: false,
  isPadded: false,
};

/** Groups and schemes of browsers in 2016 to 2026. */
const BROWSERS: Readonly<Record<"groups" | "schemes", readonly number[]>> = {
  groups: [29, 23, 24],
  schemes: [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201, 0x0203],
};

/** Extensions that are in hellos of ours and not in those of every client. */
const OPTIONAL_EXTENSIONS: readonly number[] = [
  EXTENSION.statusRequest,
  EXTENSION.heartbeat,
  EXTENSION.signedCertificateTimestamp,
  EXTENSION.encryptThenMac,
  EXTENSION.extendedMasterSecret,
  EXTENSION.sessionTicket,
];

/** Like a browser's, with little that a strict peer may not know. */
export const BROWSER_SHAPE: HelloShape = {
  ...FULL_SHAPE,
  ...BROWSERS,
  without: [EXTENSION.heartbeat, EXTENSION.encryptThenMac],
  compresses: false,
  hasKeyShare: true,
};

/** As few as a handshake needs. */
export const MINIMAL_SHAPE: HelloShape = {
  ...BROWSER_SHAPE,
  groups: [23, 24],
  schemes: [0x0401, 0x0403, 0x0201, 0x0203, 0x0501, 0x0503, 0x0804],
  without: [...OPTIONAL_EXTENSIONS, EXTENSION.renegotiationInfo],
};

/** The same of the time before RSA-PSS, which TLS 1.2 can do without. */
export const MINIMAL_OLDER_SHAPE: HelloShape = {
  ...MINIMAL_SHAPE,
  schemes: [0x0401, 0x0403, 0x0201, 0x0203, 0x0501, 0x0503],
};

/** Of the time before extensions. */
export const LEGACY_SHAPE: HelloShape = { ...MINIMAL_SHAPE, isBare: true };

/** A shape for TLS 1.3, which has no RSA signature without PSS. */
export function modernShape(shape: HelloShape): HelloShape {
  if (shape.schemes?.some((code) => BROWSERS.schemes.includes(code) && code >> 8 === 8) !== false)
    return shape;
  return { ...shape, schemes: BROWSERS.schemes };
}

/**
 * A hello in a shape: what the shape does not hold is left out, and what the hello leaves open is
 * the shape's.
 */
export function inShape(hello: Hello, shape: HelloShape): Hello {
  const { compressors, extensions } = hello;
  const groups = common(hello.groups, shape.groups);
  const signatureSchemes = common(hello.signatureSchemes, shape.schemes);
  return {
    ...hello,
    ...(groups === undefined ? {} : { groups }),
    ...(signatureSchemes === undefined ? {} : { signatureSchemes }),
    ...(compressors === undefined || shape.compresses ? {} : { compressors: [0] }),
    ...(extensions === undefined
      ? {}
      : { extensions: extensions.filter(({ type }) => !shape.without.includes(type)) }),
    isBare: shape.isBare,
    isPadded: shape.isPadded,
  };
}

/** What was asked for and may be offered; what was asked for where none of it may. */
function common(
  asked: readonly number[] | undefined,
  allowed: readonly number[] | undefined,
): readonly number[] | undefined {
  if (asked === undefined || allowed === undefined) return asked ?? allowed;
  const both = asked.filter((code) => allowed.includes(code));
  return both.length === 0 ? asked : both;
}
