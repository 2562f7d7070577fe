/** A value as a token of a condition, quoted where it must be (libs, `filter/escaping.h`). */
export function escapeValue(text: string): string {
  if (!/[\b\f\n\r\t\\"' =\0]/.test(text)) return text;
  return `"${text.replaceAll(/[\b\f\n\r\t\\"]/g, (char) => SPECIAL[char] ?? char)}"`;
}

/**
 * A value as a token that reads as the same value: quoted wherever a bare word would not do, or
 * always.
 */
export function quoteValue(text: string, always = false): string {
  const escaped = escapeValue(text);
  const isBare =
    text !== "" &&
    !/[()"'\s=,]/.test(text) &&
    !/^(?:and|or|not|val|oneof|anyof|allof)$|^\w+\(/.test(text);
  if (escaped !== text || (isBare && !always)) return escaped;
  return `"${text}"`;
}

const SPECIAL: Readonly<Record<string, string>> = {
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\\": "\\\\",
  '"': '\\"',
};
