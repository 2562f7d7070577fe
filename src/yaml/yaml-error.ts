/** A text is not YAML, and where: an offset in UTF-16 units. */
export class YamlError extends Error {
  readonly offset: number;
  readonly hint: string | undefined;

  constructor(message: string, offset: number, hint?: string) {
    super(message);
    this.name = "YamlError";
    this.offset = offset;
    this.hint = hint;
  }
}
