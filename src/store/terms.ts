import { ownerName } from "../alerts/opened-port.ts";
import type { Alert, OutputFields } from "../alerts/alert.ts";
import type { FieldValue, SingleValue } from "../fields/field.ts";

/** What an alert can be found by, besides the words of its message. */
export type FactKind =
  | "priority"
  | "rule"
  | "source"
  | "host"
  | "container"
  | "tag"
  /** `yes`, or it has no such fact. */
  | "silenced"
  /** Of the value `NAME=VALUE`. */
  | "field";

/**
 * The term of a fact: a hash behind a character that no word has, so that it is one token whatever
 * the value. 52 bits: any two of a million values are the same with a chance of 1 in 10,000.
 */
export function factTerm(kind: FactKind, value: string): string {
  return new FactHash().add(kind).add(" ").add(value).term();
}

/** Every alert has this term. */
export const ANY_TERM = "\ue000any";

/** The facts of an alert as terms. */
export function factTerms(alert: Alert, isSilenced: boolean): string[] {
  const container = ownerName(alert);
  const id = alert.outputFields["container.id"];
  return [
    ANY_TERM,
    factTerm("priority", alert.priority),
    factTerm("rule", alert.rule),
    factTerm("source", alert.source),
    factTerm("host", alert.hostname),
    factTerm("container", container),
    ...(typeof id === "string" && id !== container ? [factTerm("container", id)] : []),
    ...alert.tags.map((tag) => factTerm("tag", tag)),
    ...(isSilenced ? [factTerm("silenced", "yes")] : []),
    ...fieldTerms(alert.outputFields),
  ];
}

/**
 * The words of a text: letters and digits, in lower case and without accents. Everything else
 * splits, as in SQLite's tokenizer unicode61.
 */
export function wordsOf(text: string): string[] {
  // oxlint-disable-next-line no-control-regex
  const plain = /^[\0-\x7f]*$/.test(text) ? text : text.normalize("NFD").replace(/\p{M}/gu, "");
  return (plain.toLowerCase().match(WORD) ?? []).filter((word) => word.length <= WORD_MAX);
}

/** A value as text, each item of a list for itself: missing ones as Falco prints them. */
export function valueTexts(value: FieldValue | null): string[] {
  return isList(value) ? value.map(valueText) : [valueText(value)];
}

function fieldTerms(fields: OutputFields): string[] {
  const terms: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    for (const text of valueTexts(isList(value) ? value.slice(0, ITEMS_MAX) : value))
      terms.push(new FactHash().add("field ").add(name).add("=").add(text).term());
    if (terms.length >= ITEMS_MAX) break;
  }
  return terms;
}

function isList(value: FieldValue | null): value is readonly SingleValue[] {
  return Array.isArray(value);
}

function valueText(value: SingleValue | null): string {
  if (value === null) return "<NA>";
  return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value);
}

/** Of Unicode's private use, which unicode61 takes for a letter; no word has it. */
const FACT = 0xe000;
const LETTERS = 0x4e00;
const WORD = /[\p{L}\p{N}]+/gu;
/** Longer ones are found by nobody. */
const WORD_MAX = 256;
/** Fields and items of an alert that it can be found by. */
const ITEMS_MAX = 256;

/**
 * Two runs of FNV-1a with a prime each, mixed as MurmurHash3 ends; 52 bits of them as four letters of
 * the CJK block, behind the character that marks a fact.
 */
class FactHash {
  #first = 0x811c9dc5;
  #second = 0x9747b28c;

  add(text: string): this {
    let first = this.#first;
    let second = this.#second;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      first = Math.imul(first ^ code, 0x01000193);
      second = Math.imul(second ^ code, 0x5bd1e995);
    }
    this.#first = first;
    this.#second = second;
    return this;
  }

  term(): string {
    const first = mixed(this.#first);
    const second = mixed(this.#second);
    return String.fromCharCode(
      FACT,
      LETTERS + (first & 0x1fff),
      LETTERS + (first >>> 19),
      LETTERS + (second & 0x1fff),
      LETTERS + (second >>> 19),
    );
  }
}

function mixed(hash: number): number {
  let bits = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
