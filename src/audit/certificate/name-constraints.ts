import { canonicalName } from "../../tls/canonical-name.ts";
import { nameAttributes } from "../../tls/x509.ts";
import {
  alternativeNames,
  type GeneralName,
  type NameConstraints,
  type Subtree,
} from "../../tls/x509-extensions.ts";
import type { Certificate } from "./certificate.ts";

/** Names times subtrees that are compared: beyond, an authority's list is an attack. */
const MAX_COMPARISONS = 1 << 18;

/**
 * Whether an authority with these constraints may vouch for a certificate (RFC 5280 §4.2.1.10): for
 * its subject, all its alternative names, and for the common name of a leaf that has no DNS name. A
 * name of a kind that is constrained and cannot be compared is refused. Throws `PEER_CERTIFICATE`
 * for names that cannot be read.
 */
export function allowsNames(
  { permitted, excluded }: NameConstraints,
  { x509 }: Pick<Certificate, "x509">,
  isLeaf: boolean,
): boolean {
  const names = namesOf(x509, isLeaf);
  if (names.length * (permitted.length + excluded.length) > MAX_COMPARISONS) return false;
  return names.every((name) => {
    const [within, outside] = [permitted, excluded].map((trees) =>
      trees.filter(({ base }) => base.kind === name.kind),
    ) as [Subtree[], Subtree[]];
    if (within.length + outside.length === 0) return true;
    if (
      [...within, ...outside].some(({ base, isLimited }) => isLimited || !isComparable(name, base))
    )
      return false;
    return (
      (within.length === 0 || within.some(({ base }) => isBelow(name, base))) &&
      !outside.some(({ base }) => isBelow(name, base) || coversHost(name, base))
    );
  });
}

function namesOf(x509: Certificate["x509"], isLeaf: boolean): GeneralName[] {
  const alternative = alternativeNames(x509) ?? [];
  const attributes = nameAttributes(x509.subject);
  const named = (type: string, kind: GeneralName["kind"]): GeneralName[] =>
    attributes
      .filter(([one]) => one === type)
      .map(([, value]) => ({ kind, value, bytes: Buffer.from(value) }));
  const common =
    isLeaf && !alternative.some(({ kind }) => kind === "DNS")
      ? named("CN", "DNS").filter(({ value }) => LIKE_A_HOST.test(value))
      : [];
  const subject: GeneralName[] =
    attributes.length === 0 ? [] : [{ kind: "DirName", value: "", bytes: x509.subject }];
  return [...subject, ...named("emailAddress", "email"), ...common, ...alternative];
}

/** Two labels or more. */
const LIKE_A_HOST =
  /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)+$/i;

/** Names whose form tells nothing are below no subtree and beside none. */
function isComparable(name: GeneralName, base: GeneralName): boolean {
  switch (name.kind) {
    case "DNS":
    case "DirName":
      return true;
    case "email":
      return name.value.includes("@");
    case "URI":
      return hostOf(name.value) !== undefined;
    case "IP Address":
      return [4, 16].includes(name.bytes.length) && [8, 32].includes(base.bytes.length);
    case "othername":
    case "Registered ID":
      return false;
  }
}

function isBelow(name: GeneralName, { value, bytes }: GeneralName): boolean {
  switch (name.kind) {
    case "DNS":
      return isHostBelow(name.value, value);
    case "DirName":
      return isNameBelow(name.bytes, bytes);
    case "email":
      return isMailBelow(name.value, value);
    case "URI":
      return isUriBelow(hostOf(name.value) ?? "", value);
    case "IP Address":
      return isInNetwork(name.bytes, bytes);
    case "othername":
    case "Registered ID":
      return false;
  }
}

/** Labels added at the left; a dot before the base asks for at least one. */
function isHostBelow(host: string, base: string): boolean {
  const [name, suffix] = [host.toLowerCase(), base.toLowerCase()];
  if (suffix.startsWith(".")) return name.length > suffix.length && name.endsWith(suffix);
  return suffix === "" || name === suffix || name.endsWith(`.${suffix}`);
}

/** A wildcard that stands for a name which is excluded, though it lies above it itself. */
function coversHost(name: GeneralName, { value }: GeneralName): boolean {
  if (name.kind !== "DNS" || !name.value.startsWith("*.")) return false;
  const base = value.toLowerCase().replace(/^\./, "");
  const dot = base.indexOf(".");
  return dot > 0 && base.slice(dot) === name.value.slice(1).toLowerCase();
}

function isNameBelow(name: Uint8Array, base: Uint8Array): boolean {
  const parts = canonicalName(name);
  return canonicalName(base).every((part, index) => part === parts[index]);
}

/** A mailbox, a host, or with a dot before it a domain. */
function isMailBelow(mail: string, base: string): boolean {
  const [local, host] = splitMail(mail);
  if (!base.includes("@"))
    return base.startsWith(".")
      ? mail.length > base.length && mail.toLowerCase().endsWith(base.toLowerCase())
      : host.toLowerCase() === base.toLowerCase();
  const [wantedLocal, wantedHost] = splitMail(base);
  return (
    (wantedLocal === "" || wantedLocal === local) && wantedHost.toLowerCase() === host.toLowerCase()
  );
}

function splitMail(mail: string): readonly [local: string, host: string] {
  const at = mail.lastIndexOf("@");
  return [mail.slice(0, at), mail.slice(at + 1)];
}

/** The host exactly, or with a dot before it all below. */
function isUriBelow(host: string, base: string): boolean {
  const [name, suffix] = [host.toLowerCase(), base.toLowerCase()];
  return suffix.startsWith(".")
    ? name.length > suffix.length && name.endsWith(suffix)
    : name === suffix;
}

function hostOf(uri: string): string | undefined {
  return /^[^:]*:\/\/([^:/]+)/.exec(uri)?.[1];
}

/** A network and its mask, of the same family. */
function isInNetwork(address: Uint8Array, network: Uint8Array): boolean {
  const { length } = address;
  return (
    network.length === length * 2 &&
    address.every((byte, index) => {
      const mask = network[length + index] ?? 0;
      return (byte & mask) === ((network[index] ?? 0) & mask);
    })
  );
}
