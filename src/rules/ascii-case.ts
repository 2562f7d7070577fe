const UPPER = /[A-Z]/g;
const LOWER = /[a-z]/g;
// oxlint-disable-next-line no-control-regex -- what is meant is everything that is ASCII, controls too
const ASCII = /^[\0-\x7f]*$/;

/**
 * Lower case of ASCII letters alone, as tolower(3) does it in the C locale: other letters are bytes
 * to it.
 */
export function lowerAscii(text: string): string {
  return ASCII.test(text)
    ? text.toLowerCase()
    : text.replaceAll(UPPER, (letter) => letter.toLowerCase());
}

/** Upper case of ASCII letters alone. */
export function upperAscii(text: string): string {
  return ASCII.test(text)
    ? text.toUpperCase()
    : text.replaceAll(LOWER, (letter) => letter.toUpperCase());
}

/** True for text whose characters are its bytes. */
export function isAscii(text: string): boolean {
  return ASCII.test(text);
}
