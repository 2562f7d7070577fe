import { alertText } from "../tls/alerts.ts";
import type { VersionCode } from "../tls/client-hello.ts";
import type { Flight } from "../tls/server-flight.ts";
import type { Answer, Ending } from "./connection.ts";

/** What an answer says about the suites that a hello offered for a version. */
export type Verdict =
  | { readonly kind: "accepted"; readonly suite: number; readonly flight: Flight }
  /** The server said no to these suites. */
  | { readonly kind: "refused" }
  /** The server said no to the version. */
  | { readonly kind: "unsupported" }
  /**
   * The handshake ended without a word on suites or version; `alert` is the description of the
   * server's, where it at least said that it failed.
   */
  | {
      readonly kind: "failed";
      readonly reason: string;
      readonly alert: number | undefined;
      readonly isSilent: boolean;
    }
  | { readonly kind: "unreachable"; readonly reason: string };

/**
 * Alerts that say no in so many words: handshake_failure, insufficient_security (RFC 8446 §6.2).
 */
const REFUSALS: ReadonlySet<number> = new Set([40, 71]);

const PROTOCOL_VERSION = 70;

/**
 * Classifies the answer to a hello that offered `offered` for `version`. Accepted: a ServerHello of
 * this version with an offered suite. Unsupported: a ServerHello of another version, the alert
 * protocol_version, or bytes that are no TLS. Refused: another suite, or an alert of `REFUSALS`.
 * All else is failed, or unreachable where no connection came about.
 */
export function classifyAnswer(
  answer: Answer,
  version: VersionCode,
  offered: readonly number[],
): Verdict {
  if (answer.kind === "unreachable") return { kind: "unreachable", reason: answer.reason };
  if (answer.kind === "plain") return { kind: "unsupported" };
  if (answer.kind === "nothing")
    return failed(`no answer: ${ENDINGS[answer.ending]}`, answer.ending);
  const { hello, alert } = answer.flight;
  if (hello !== undefined) {
    // Another version is the server's way to say that it does not speak this one.
    if (hello.version !== version) return { kind: "unsupported" };
    // A ServerHello is enough to call a suite accepted, whatever comes after; one that was not
    // offered is a broken server's.
    return offered.includes(hello.suite)
      ? { kind: "accepted", suite: hello.suite, flight: answer.flight }
      : { kind: "refused" };
  }
  if (alert === undefined)
    return failed(answer.fault ?? `no ServerHello: ${ENDINGS[answer.ending]}`, answer.ending);
  if (alert.description === PROTOCOL_VERSION) return { kind: "unsupported" };
  return REFUSALS.has(alert.description)
    ? { kind: "refused" }
    : { kind: "failed", reason: alertText(alert), alert: alert.description, isSilent: false };
}

function failed(reason: string, ending: Ending): Verdict {
  return { kind: "failed", reason, alert: undefined, isSilent: ending === "silent" };
}

const ENDINGS: Readonly<Record<Ending, string>> = {
  done: "the handshake ended",
  closed: "the server closed the connection",
  reset: "the server reset the connection",
  silent: "the server stayed silent",
};
