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
import type { OptionTable } from "./option.ts";

/** What is asked of every service elsewhere, by falcosidekick's keys. */
export interface ServiceOptions {
  readonly minimumPriority: string;
  readonly checkCertificate: boolean;
  readonly caCert: string;
  readonly mutualTls: boolean;
  readonly clientCert: string;
  readonly clientKey: string;
}

/** The options that all services have. */
export const SERVICE_OPTIONS: OptionTable<ServiceOptions> = {
  minimumPriority: {
    key: "minimumpriority",
    default: "debug",
    words: ["", ...PRIORITIES.map((name) => name.toLowerCase())],
    doc: "Alerts that are less urgent do not go there.",
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
export function urgentAlerts({
  minimumPriority,
}: ServiceOptions): (news: News) => Alert | undefined {
  const minimum = minimumOf(minimumPriority);
  return (news) =>
    news.kind === "alert" && isAtLeast(news.alert.priority, minimum) ? news.alert : undefined;
}

/** What of the news is kept for a service; `place`: where it is. */
export function serviceOutbox({ minimumPriority }: ServiceOptions, place: string): OutboxWish {
  return { place, kinds: ["alert"], priority: urgencyOf(minimumOf(minimumPriority)) };
}

function minimumOf(text: string): Priority {
  return priorityByName(text) ?? "Debug";
}
