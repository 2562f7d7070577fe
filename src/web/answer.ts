/** What a request is answered with. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Pieces of a body that is made as it is read. */
  readonly body?: string | Uint8Array | AsyncIterable<string>;
}

/** An error that is the request's: RFC 9457. */
export class Refusal extends Error {
  readonly status: number;
  readonly detail: string | undefined;

  constructor(status: number, title: string, detail?: string) {
    super(title);
    this.name = "Refusal";
    this.status = status;
    this.detail = detail;
  }
}

/** JSON that is text already. */
export function jsonText(text: string): Answer {
  return { status: 200, headers: { "content-type": "application/json" }, body: text };
}

/** A value as JSON. */
export function json(value: object): Answer {
  return jsonText(JSON.stringify(value));
}

/** `application/problem+json` */
export function problem({ status, message, detail }: Refusal): Answer {
  return {
    status,
    headers: { "content-type": "application/problem+json" },
    body: JSON.stringify({ title: message, status, detail }),
  };
}
