import {
  isAtLeast,
  PRIORITIES,
  type Priority,
  priorityByName,
  urgencyOf,
} from "../rules/priority.ts";
import type { Alert } from "../alerts/alert.ts";
import type { News } from "../news/news.ts";
import type { OutboxWish } from "./destination.ts";
import { type CertificateOptions, SYSTEM_CERTIFICATES } from "./http-certificates.ts";
import { isDigest } from "./digest.ts";
import { NEWS_WORDS, newsAlert, type NewsWord } from "./news-alert.ts";
import type { OptionTable } from "./option.ts";
import type { OutputContext } from "./output-context.ts";

/** What is asked of every service elsewhere, by falcosidekick's keys. */
export interface ServiceOptions {
  readonly news: readonly string[];
  readonly minimumPriority: string;
  readonly limit: string;
  readonly checkCertificate: boolean;
  readonly caCert: string;
  readonly mutualTls: boolean;
  readonly clientCert: string;
  readonly clientKey: string;
}

/** The options that all services have. */
export const SERVICE_OPTIONS: OptionTable<ServiceOptions> = {
  news: {
    key: "news",
    default: ["alert"],
    words: NEWS_WORDS,
    doc: "Saker's own: what goes there, of `alert`, `audit` and `port`. Audits of ports and ports that open or close have the form of alerts: source `posture`, rules `Port examined` (as urgent as its worst finding), `Port opened` and `Port closed`.",
  },
  minimumPriority: {
    key: "minimumpriority",
    default: "debug",
    words: ["", ...PRIORITIES.map((name) => name.toLowerCase())],
    doc: "Alerts that are less urgent do not go there.",
  },
  limit: {
    key: "limit",
    default: "",
    isRate: true,
    doc: "Saker's own: the most alerts in a time, such as `20/1m`; what is beyond is told as one alert at its end, by rule (`Saker internal: alerts digested`). None by default.",
  },
  checkCertificate: {
    key: "checkcert",
    default: true,
    doc: "The server's certificate is verified.",
  },
  caCert: { key: "cacertfile", default: "", doc: "File of the authority that signs the server." },
  mutualTls: {
    key: "mutualtls",
    default: false,
    doc: "The certificate of `certfile` is shown to the server.",
  },
  clientCert: {
    key: "certfile",
    default: "/etc/certs/client.crt",
    doc: "Certificate of this host.",
  },
  clientKey: { key: "keyfile", default: "/etc/certs/client.key", doc: "Its key." },
};

/** Which certificates a connection to a service trusts and shows. */
export function certificatesFor({
  checkCertificate,
  caCert,
  mutualTls,
  clientCert,
  clientKey,
}: ServiceOptions): CertificateOptions & { readonly isChecked: boolean } {
  const files = { caCert, mtls: mutualTls, clientCert, clientKey };
  return { ...SYSTEM_CERTIFICATES, ...files, isChecked: checkCertificate };
}

/** Tells of each piece of news the alert that goes to a service; undefined where none does. */
export function urgentAlerts(
  { news: wanted, minimumPriority }: ServiceOptions,
  { enriched }: OutputContext,
): (news: News) => Alert | undefined {
  const minimum = minimumOf(minimumPriority);
  return (news) => {
    const isTold = news.kind === "alert" && isDigest(news.alert);
    const alert = isTold ? news.alert : newsAlert(news, wanted);
    if (alert === undefined || !isAtLeast(alert.priority, minimum)) return undefined;
    return enriched?.(alert) ?? alert;
  };
}

/** What of the news is kept for a service; `place`: where it is. */
export function serviceOutbox(
  { news, minimumPriority }: ServiceOptions,
  place: string,
): OutboxWish {
  const kinds = NEWS_WORDS.filter((word) => news.includes(word)).flatMap((word) => KINDS[word]);
  return { place, kinds, priority: urgencyOf(minimumOf(minimumPriority)) };
}

const KINDS = {
  alert: ["alert"],
  audit: ["audit"],
  port: ["port-opened", "port-closed"],
} as const satisfies Record<NewsWord, OutboxWish["kinds"]>;

function minimumOf(text: string): Priority {
  return priorityByName(text) ?? "Debug";
}
