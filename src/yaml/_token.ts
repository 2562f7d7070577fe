/** What the scanner finds in a text. */
export type TokenKind =
  | "directive"
  | "document-start"
  | "document-end"
  | "block-sequence-start"
  | "block-map-start"
  | "block-sequence-end"
  | "block-map-end"
  | "block-entry"
  | "flow-sequence-start"
  | "flow-map-start"
  | "flow-sequence-end"
  | "flow-map-end"
  | "flow-entry"
  | "key"
  | "value"
  | "anchor"
  | "alias"
  | "tag"
  | "plain"
  | "quoted";

/** One piece of a YAML text. */
export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  /** A scalar's text, the name of an anchor, alias, directive; a tag as it is written. */
  readonly text: string;
  /** A key is one only when a colon follows: until then it may still turn out to be none. */
  status: "valid" | "unverified" | "invalid";
}
