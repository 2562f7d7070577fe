import { type DerElement, DerReader, hexText, oidText, stringText, TAG } from "./der.ts";

/** Kinds of strings that are compared as text, whatever their encoding. */
const TEXTS: ReadonlySet<number> = new Set([
  TAG.utf8String,
  TAG.printableString,
  TAG.t61String,
  TAG.ia5String,
  TAG.visibleString,
  TAG.universalString,
  TAG.bmpString,
]);

/**
 * A name's parts in a form in which equal names are equal texts (RFC 5280 §7.1): without regard to
 * case, encoding and the number of spaces. Throws `PEER_CERTIFICATE`.
 */
export function canonicalName(name: Uint8Array): string[] {
  const parts: string[] = [];
  for (const { body } of new DerReader(name).inside("name", TAG.sequence).rest("name's part")) {
    const attributes: string[] = [];
    for (const { whole } of new DerReader(body).rest("attribute")) {
      const attribute = new DerReader(whole).inside("attribute", TAG.sequence);
      const type = oidText(attribute.next("attribute's type", TAG.oid).body);
      attributes.push(`${type}=${canonicalValue(attribute.next("attribute's value"))}`);
    }
    parts.push(attributes.toSorted().join("\0"));
  }
  return parts;
}

/** Of the names that were asked for: paths compare the same few thousands of times. */
const KEYS = new WeakMap<Uint8Array, string>();

/** `canonicalName` as one text; a name that cannot be read is equal to its own bytes alone. */
export function nameKey(name: Uint8Array): string {
  const known = KEYS.get(name);
  if (known !== undefined) return known;
  const key = keyOf(name);
  KEYS.set(name, key);
  return key;
}

function keyOf(name: Uint8Array): string {
  try {
    return canonicalName(name).join("\u0001");
  } catch {
    return `\u0002${hexText(name)}`;
  }
}

function canonicalValue(value: DerElement): string {
  return TEXTS.has(value.tag)
    ? stringText(value)
        .replace(/[\t-\r ]+/g, " ")
        .replace(/^ | $/g, "")
        .replace(/[A-Z]/g, (letter) => letter.toLowerCase())
    : `#${hexText(value.whole)}`;
}
