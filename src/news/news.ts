import type { Alert } from "../alerts/alert.ts";
import type { AuditReport } from "../audit/report.ts";

/**
 * Everything that the engine reports, in one stream. Each piece has its time, the host it is from
 * and a sequence number without holes, so that who reads it can say what is missing.
 */
export type News = NewsStamp & NewsBody;

/** What all news have: a number without holes, a time in epoch nanoseconds, a host. */
export interface NewsStamp {
  /** Counts from 1, in the order in which subscribers see it; starts anew with each watch. */
  readonly sequence: number;
  /** Epoch nanoseconds: of an alert its event's, of all else when it was reported. */
  readonly time: bigint;
  readonly host: string;
}

/** News as they are published, before they are stamped. */
export type NewsBody =
  | AlertNews
  | PortOpenedNews
  | PortClosedNews
  | AuditNews
  | LossNews
  | ProblemNews
  | NoteNews;

/** A rule matched, or a running Falco said so. */
export interface AlertNews {
  readonly kind: "alert";
  readonly alert: Alert;
  /** The id of the silence that it falls under: it is kept, and sent nowhere. */
  readonly silence?: string | undefined;
}

/** A container, or the host, has begun to listen where it did not. */
export interface PortOpenedNews {
  readonly kind: "port-opened";
  readonly port: PortNews;
}

/** The last socket of a port that was open is closed. */
export interface PortClosedNews {
  readonly kind: "port-closed";
  readonly port: PortNews;
}

/** Where something listens, and who. */
export interface PortNews {
  readonly protocol: "tcp" | "udp";
  readonly address: string;
  readonly port: number;
  /** Inode of the network namespace. */
  readonly namespace: number;
  /** The container's name, as far as it is known; absent on the host. */
  readonly container?: string | undefined;
  readonly containerId?: string | undefined;
  readonly process?: { readonly pid: number; readonly exepath: string } | undefined;
}

/** A port was examined, or could not be. */
export interface AuditNews {
  readonly kind: "audit";
  readonly report: AuditReport;
  /** Path of the report's files without their ending; absent when none were written. */
  readonly files?: string | undefined;
}

/** Something was not seen, not examined or not written. */
export interface LossNews {
  readonly kind: "loss";
  /** What is missing, in words: `events`, `audits`, … */
  readonly what: string;
  readonly count: number;
  /** Why, in words. */
  readonly reason: string;
}

/** Something does not work; the watch goes on. */
export interface ProblemNews {
  readonly kind: "problem";
  readonly text: string;
}

/** Something worth knowing that is no problem. */
export interface NoteNews {
  readonly kind: "note";
  readonly text: string;
}
