import { signal } from "@preact/signals";
import type { Problem } from "../../src/web/schemas/session.ts";

/** Set as soon as the server asks for a session, which shows the sign-in. */
export const isSignedOut = signal(false);

/** What the API refused, in its own words; status 0 where it could not be reached. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** A resource of `/api/v1` as JSON; throws `ApiError`. */
export async function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  return send<T>("GET", path, undefined, signal);
}

/** A request of `/api/v1` with a JSON body; an answer without one is undefined. Throws `ApiError`. */
export async function send<T>(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const response = await fetch(`${API}${path}`, {
    method,
    credentials: "same-origin",
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((cause: unknown) => {
    if (signal?.aborted === true) throw cause;
    throw new ApiError(0, "The server does not answer", { cause });
  });
  if (response.ok) {
    const text = await response.text();
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }
  if (response.status === 401) isSignedOut.value = true;
  throw new ApiError(response.status, await reasonOf(response));
}

/** Where the API lies. */
export const API = "/api/v1";

async function reasonOf(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => undefined);
  const { title, detail } = (body ?? {}) as Partial<Problem>;
  if (title !== undefined) return detail === undefined ? title : `${title}: ${detail}`;
  return `The server answered ${response.status} ${response.statusText}`.trimEnd();
}
