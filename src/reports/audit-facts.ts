import type {
  AuditReport,
  CertificateReport,
  ChainReport,
  DatagramReport,
  Features,
  ProtocolReport,
} from "../audit/report.ts";

/** A name and what it is, for people; lists of these are what the text and the page print. */
export type Fact = readonly [name: string, value: string];

/** How the report's features are called, in the order they are printed. */
const FEATURES: readonly (readonly [
  name: string,
  value: (features: Features) => string | undefined,
])[] = [
  ["ALPN", ({ alpn }) => (alpn === undefined ? undefined : alpn.join(", ") || "none")],
  [
    "server name (SNI)",
    ({ sni }) =>
      sni === undefined
        ? undefined
        : `without one: ${sni.withoutName} certificate; unknown one: ${sni.unknownName}`.replaceAll(
            "refused certificate",
            "refused",
          ),
  ],
  ["client certificate", ({ clientCertificate }) => clientCertificate],
  ["session tickets", ({ tickets }) => yes(tickets)],
  [
    "resumption",
    ({ resumption }) =>
      resumption === undefined
        ? undefined
        : named({
            "session id": resumption.sessionId,
            ticket: resumption.ticket,
            "pre-shared key": resumption.psk,
          }),
  ],
  [
    "early data",
    ({ earlyData }) =>
      earlyData === undefined ? undefined : earlyData === 0 ? "no" : `up to ${earlyData} bytes`,
  ],
  ["OCSP stapling", ({ ocspStapling }) => yes(ocspStapling)],
  ["extended master secret", ({ extendedMasterSecret }) => yes(extendedMasterSecret)],
  ["encrypt-then-MAC", ({ encryptThenMac }) => yes(encryptThenMac)],
  ["secure renegotiation", ({ secureRenegotiation }) => yes(secureRenegotiation)],
  ["renegotiation by clients", ({ clientRenegotiation }) => yes(clientRenegotiation)],
  ["fallback SCSV", ({ fallbackScsv }) => yes(fallbackScsv)],
  ["heartbeat", ({ heartbeat }) => yes(heartbeat)],
  [
    "logins before TLS",
    ({ clearLogins }) => (clearLogins === undefined ? undefined : clearLogins.join(", ") || "none"),
  ],
  ["HTTP", ({ http }) => (http === undefined ? undefined : httpText(http))],
  [
    "DH prime",
    ({ dhPrime }) =>
      dhPrime === undefined
        ? undefined
        : `${dhPrime.bits} bits${dhPrime.known === undefined ? "" : `, ${dhPrime.known}`}`,
  ],
];

function httpText({
  status,
  location,
  hsts,
  insecureCookies = [],
}: NonNullable<Features["http"]>): string {
  const parts = [
    `status ${status}${location === undefined ? "" : ` to ${location}`}`,
    hsts === undefined ? "no HSTS" : `HSTS for ${Math.round(hsts.maxAge / 86_400)} days`,
    ...(insecureCookies.length === 0
      ? []
      : [`cookies without Secure: ${insecureCookies.join(", ")}`]),
  ];
  return parts.join("; ");
}

function yes(is: boolean | undefined): string | undefined {
  return is === undefined ? undefined : is ? "yes" : "no";
}

function named(parts: Readonly<Record<string, boolean | undefined>>): string {
  return Object.entries(parts)
    .map(([name, is]) => `${name}: ${is === undefined ? "not known" : is ? "yes" : "no"}`)
    .join(", ");
}

/** What the server can do besides suites; what is not known is left out. */
export function featureFacts(report: AuditReport): Fact[] {
  const { features = {}, signatureSchemes = [] } = report;
  const facts: Fact[] = [...groupFacts(report), ...orderFacts(report)];
  if (signatureSchemes.length > 0) facts.push(["signature schemes", signatureSchemes.join(", ")]);
  for (const [name, value] of FEATURES) {
    const text = value(features);
    if (text !== undefined) facts.push([name, text]);
  }
  return facts;
}

function byVersion(
  protocols: AuditReport["protocols"],
): [version: string, protocol: ProtocolReport][] {
  return Object.entries(protocols).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** One line where all versions take the same groups, else one for each that was asked. */
function groupFacts({ groups, protocols }: AuditReport): Fact[] {
  const asked = byVersion(protocols).flatMap(([version, { groups: taken, groupPreference }]) => {
    const order =
      groupPreference === undefined || groupPreference === "indeterminate"
        ? ""
        : ` (${groupPreference}'s order)`;
    return taken === undefined || taken.length === 0
      ? []
      : [{ version, text: `${taken.join(", ")}${order}` }];
  });
  const texts = new Set(asked.map(({ text }) => text));
  if (texts.size > 1) return asked.map(({ version, text }): Fact => [`groups of ${version}`, text]);
  const [text = groups.join(", ")] = texts;
  return text === "" ? [] : [["groups", text]];
}

/** What nmap's word for the order of suites leaves out. */
function orderFacts({ protocols }: AuditReport): Fact[] {
  return byVersion(protocols).flatMap(([version, { chacha20First, equalPreference }]): Fact[] => [
    ...(chacha20First === true
      ? [[`order of ${version}`, "ChaCha20 first for clients that put it first"] as const]
      : []),
    ...(equalPreference === undefined
      ? []
      : [[`equals of ${version}`, equalPreference.join(", ")] as const]),
  ]);
}

/** A chain as a whole. */
export function chainFacts(chain: ChainReport): Fact[] {
  const facts: Fact[] = [
    ["trust", chain.isTrusted ? `yes, by ${chain.anchor}` : `no: ${chain.distrust}`],
  ];
  if (chain.signatureSchemes !== undefined)
    facts.push(["signs TLS 1.3 with", chain.signatureSchemes.join(", ")]);
  if (chain.hostMatches !== undefined)
    facts.push(["name", chain.hostMatches ? "matches" : "does not match"]);
  if (!chain.isOrdered) facts.push(["order", "a certificate is not followed by its issuer"]);
  if (chain.missingIssuer !== undefined) facts.push(["missing", chain.missingIssuer]);
  if (chain.superfluous.length > 0) facts.push(["needless", chain.superfluous.join("; ")]);
  if (chain.ocsp !== undefined)
    facts.push(["OCSP staple", `${chain.ocsp.status}: ${chain.ocsp.detail}`]);
  for (const { certificate, method = "revocation", status, detail } of chain.revocation ?? []) {
    const place = chain.sent.indexOf(certificate);
    const whose =
      place === 0 ? "" : ` of ${place < 0 ? "an unsent issuer" : `certificate ${place + 1}`}`;
    facts.push([`${method}${whose}`, `${status}: ${detail}`]);
  }
  if (chain.scts !== undefined) facts.push(["SCTs", `${chain.scts.length} in the handshake`]);
  return facts;
}

/** One certificate. */
export function certificateFacts(certificate: CertificateReport): Fact[] {
  const size =
    certificate.curve ?? (certificate.keyBits === undefined ? "" : `${certificate.keyBits} bits`);
  const facts: Fact[] = [
    ["subject", certificate.subject],
    ["issuer", `${certificate.issuer}${certificate.isSelfSigned ? " (signed by itself)" : ""}`],
    ["valid", `${certificate.notBefore ?? UNREAD} to ${certificate.notAfter ?? UNREAD}`],
    ["names", certificate.names.join(", ")],
    ["key", `${certificate.keyType} ${size}`.trimEnd()],
    ["signature", certificate.signatureAlgorithm],
    ["SHA-256", certificate.fingerprintSha256],
  ];
  if (certificate.mustStaple === true) facts.push(["must-staple", "yes"]);
  if (certificate.scts !== undefined) facts.push(["SCTs", `${certificate.scts.length}`]);
  if (certificate.oddities !== undefined) facts.push(["odd", certificate.oddities.join("; ")]);
  for (const { part, reason, bytes } of certificate.unreadable ?? [])
    facts.push(["unreadable", `${part}: ${reason} (${bytes || "no bytes"})`]);
  return facts;
}

const UNREAD = "(no date that can be read)";

/** Ids of weaknesses by verdict, those that matter first. */
export function weaknessFacts({ weaknesses = {} }: AuditReport): Fact[] {
  const verdicts = ["vulnerable", "unknown", "not vulnerable", "not applicable"] as const;
  return verdicts.flatMap((verdict): Fact[] => {
    const ids = Object.entries(weaknesses)
      .filter(([, one]) => one === verdict)
      .map(([id]) => id);
    return ids.length === 0
      ? []
      : [[verdict === "unknown" ? "could not tell" : verdict, ids.join(", ")]];
  });
}

/** What answers over UDP at the same number. */
export function datagrams({
  datagram,
}: AuditReport): (readonly [name: string, report: DatagramReport])[] {
  const both = [
    ["DTLS", datagram?.dtls],
    ["QUIC", datagram?.quic],
  ] as const;
  return both.flatMap(([name, report]) => (report === undefined ? [] : [[name, report] as const]));
}

/** One kind of TLS over UDP, with its leaf certificate. */
export function datagramFacts(
  name: string,
  { versions, cipher, group, alpn, certificates }: DatagramReport,
): Fact[] {
  const facts: Fact[] = [[name, versions.join(", ")]];
  if (cipher !== undefined) facts.push(["first suite", cipher.name]);
  if (group !== undefined) facts.push(["group", group]);
  if (alpn !== undefined) facts.push(["ALPN", alpn.join(", ") || "none"]);
  return [...facts, ...certificates.slice(0, 1).flatMap(certificateFacts)];
}

/** When and where the audit was made. */
export function whereText({
  startedAt,
  host,
  address,
  port,
  container,
  reachable,
  listener,
}: AuditReport): string {
  const at = address === undefined || address === host ? host : `${host} (${address})`;
  const inside = container === undefined ? "" : ` in container ${container}`;
  const { exepath, sharedBy = [] } = listener ?? {};
  const by =
    sharedBy.length > 0
      ? `, shared by ${sharedBy.length} programs (${sharedBy.join(", ")}): the kernel chooses who answers`
      : exepath === undefined
        ? ""
        : ` by ${exepath}`;
  const listens = listener === undefined ? "" : `; listens at ${listener.address}${by}`;
  return `examined ${startedAt}, at ${at} port ${port}${inside}${listens}${reachable === undefined ? "" : `; reachable: ${reachable}`}`;
}
