// Nothing here runs: the assertion is that tsc takes it, from the sources and from the package.
import { type AuditReport, auditPort, type AuditPortOptions } from "saker/audit";
import {
  type Alert,
  checkRules,
  type CompiledRules,
  type compileRules,
  readRules,
  replayCapture,
  SakerError,
} from "saker/rules";
import { type News, type RunningWatch, startWatch } from "saker/watch";

/** True where both types are the same: `any` is the same as nothing but itself. */
type Equals<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

type Holds<T extends true> = T;

/** What these types have not silently become is something else. */
export type Held = [
  Holds<Equals<ReturnType<typeof compileRules>, CompiledRules>>,
  Holds<Equals<Awaited<ReturnType<typeof auditPort>>, AuditReport>>,
  Holds<Equals<Awaited<ReturnType<typeof startWatch>>, RunningWatch>>,
  Holds<Equals<Alert["time"], bigint>>,
  Holds<Equals<AuditReport["port"], number>>,
  Holds<Equals<AuditReport["tls"], boolean | undefined>>,
  Holds<Equals<AuditPortOptions["timeoutMs"], number | undefined>>,
  Holds<
    Equals<
      News["kind"],
      "alert" | "port-opened" | "port-closed" | "audit" | "loss" | "problem" | "note"
    >
  >,
];

/** News is told apart by its kind. */
export function textOf(news: News): string {
  switch (news.kind) {
    case "alert":
      return news.alert.rule;
    case "port-opened":
    case "port-closed":
      return String(news.port.port);
    case "audit":
      return news.report.target;
    case "loss":
      return news.reason;
    case "problem":
    case "note":
      return news.text;
    default:
      return news satisfies never;
  }
}

export async function wrong(news: News): Promise<void> {
  // @ts-expect-error: only an alert has one
  void news.alert;
  // @ts-expect-error: rules are compiled, not made by hand
  await replayCapture("a.scap", { rules: { name: "mine" }, onAlert: () => {} });
  // @ts-expect-error: a port is a number
  await auditPort({ host: "localhost", port: "443" });
  // @ts-expect-error: there is no such source
  await startWatch({ source: "kernel", onNews: () => {} });
  // @ts-expect-error: somebody has to read the news
  await startWatch({});
  // @ts-expect-error: what was read stays as it is
  checkRules(readRules()).length = 0;
  // @ts-expect-error: a code is one of a family
  void new SakerError("OTHER", "x");
}
