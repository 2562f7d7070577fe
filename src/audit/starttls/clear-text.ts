import { AppError } from "../../lib/errors.ts";
import type { Prober } from "../prober.ts";
import { PlainStream } from "./plain-stream.ts";
import { greeted, reply } from "./text-dialogues.ts";

/** What a protocol says before its STARTTLS, and how an early command would show behind it. */
export interface ClearText {
  /** Goes to where STARTTLS may be said; gives what the server offers there. */
  readonly offers: (stream: PlainStream) => Promise<string>;
  /**
   * The mechanisms in it that show a password to whoever reads along; undefined where the offer says
   * nothing of logins.
   */
  readonly logins: (offered: string) => readonly string[] | undefined;
  readonly starttls: string;
  /** How a line begins that says yes to it. */
  readonly goesOn: RegExp;
  /** A command that changes nothing, and how the first line of its answer begins. */
  readonly command: string;
  readonly answered: RegExp;
  readonly farewell: string;
  /** How the farewell's answer begins; where it cannot be told from others, the end of the connection. */
  readonly ended?: RegExp;
}

/** By the protocol's name in `STARTTLS_PROTOCOLS`. */
export const CLEAR_TEXT: Readonly<Record<string, ClearText>> = {
  smtp: mail("EHLO"),
  lmtp: mail("LHLO"),
  imap: {
    offers: async (stream) => {
      await stream.line();
      stream.send("a1 CAPABILITY\r\n");
      return until(stream, (line) => line.startsWith("a1 "));
    },
    // RFC 3501 §6.2.3: LOGIN may be said unless it is forbidden.
    logins: (offered) =>
      /^\* CAPABILITY/im.test(offered)
        ? [
            ...(/\bLOGINDISABLED\b/i.test(offered) ? [] : ["LOGIN"]),
            ...passwordMechanisms(offered.match(/(?<=\bAUTH=)\S+/gi) ?? []).map(
              (name) => `AUTH=${name}`,
            ),
          ]
        : undefined,
    starttls: "a2 STARTTLS\r\n",
    goesOn: /^a2 OK/i,
    command: "a3 NOOP\r\n",
    answered: /^a3 /,
    farewell: "a4 LOGOUT\r\n",
    ended: /^a4 /m,
  },
  pop3: {
    offers: async (stream) => {
      await stream.line();
      stream.send("CAPA\r\n");
      return until(stream, (line) => line === "." || line.startsWith("-ERR"));
    },
    logins: (offered) =>
      offered.startsWith("+OK")
        ? [
            ...(/^USER\b/im.test(offered) ? ["USER"] : []),
            ...passwordMechanisms(wordsBehind(offered, /^SASL (.*)$/im)),
          ]
        : undefined,
    starttls: "STLS\r\n",
    goesOn: /^\+OK/,
    // POP3 answers alike to all: told from the farewell by the end of the list.
    command: "CAPA\r\n",
    answered: /^(?:\.|-ERR)/,
    farewell: "QUIT\r\n",
  },
  sieve: {
    offers: (stream) => until(stream, (line) => /^(?:OK|NO|BYE)/i.test(line)),
    logins: (offered) => passwordMechanisms(wordsBehind(offered, /^"SASL" "(.*)"$/im)),
    starttls: "STARTTLS\r\n",
    goesOn: /^OK/i,
    command: 'NOOP "saker"\r\n',
    answered: /^OK \(TAG/i,
    farewell: "LOGOUT\r\n",
  },
  nntp: {
    offers: async (stream) => {
      await reply(stream);
      stream.send("CAPABILITIES\r\n");
      return until(stream, (line) => line === "." || /^[45]\d\d/.test(line));
    },
    logins: (offered) =>
      offered.startsWith("101")
        ? [
            ...(/^AUTHINFO\b.*\bUSER\b/im.test(offered) ? ["AUTHINFO USER"] : []),
            ...passwordMechanisms(wordsBehind(offered, /^SASL (.*)$/im)),
          ]
        : undefined,
    starttls: "STARTTLS\r\n",
    goesOn: /^382/,
    command: "DATE\r\n",
    answered: /^111/,
    farewell: "QUIT\r\n",
    ended: /^205/m,
  },
  ftp: {
    offers: greeted,
    logins: () => undefined,
    starttls: "AUTH TLS\r\n",
    goesOn: /^234/,
    command: "NOOP\r\n",
    answered: /^(?:200|5)/,
    farewell: "QUIT\r\n",
    ended: /^221/m,
  },
};

/** SMTP and LMTP. */
function mail(greeting: "EHLO" | "LHLO"): ClearText {
  return {
    offers: async (stream) => {
      await greeted(stream);
      stream.send(`${greeting} localhost\r\n`);
      return reply(stream);
    },
    // `AUTH=` is how some wrote it before RFC 2554.
    logins: (offered) => passwordMechanisms(wordsBehind(offered, /^250[ -]AUTH[ =](.*)$/im)),
    starttls: "STARTTLS\r\n",
    goesOn: /^220/,
    command: "NOOP\r\n",
    answered: /^250/,
    farewell: "QUIT\r\n",
    ended: /^221/m,
  };
}

/** SASL mechanisms that send the password as it is. */
function passwordMechanisms(names: readonly string[]): string[] {
  return names.filter((name) => /^(?:PLAIN|LOGIN)$/i.test(name)).map((name) => name.toUpperCase());
}

function wordsBehind(text: string, line: RegExp): string[] {
  return (line.exec(text)?.[1] ?? "").trim().split(/\s+/);
}

/** All lines up to the one that ends the answer. */
async function until(stream: PlainStream, isLast: (line: string) => boolean): Promise<string> {
  const lines: string[] = [];
  do lines.push(await stream.line());
  while (!isLast(lines.at(-1) ?? ""));
  return lines.join("\n");
}

/**
 * The mechanisms by which the server takes passwords before TLS begins; undefined where the protocol
 * or its server does not say. One connection. Throws `PEER_…`.
 */
export async function clearLogins(
  prober: Prober,
  protocol: string,
): Promise<readonly string[] | undefined> {
  const clear = CLEAR_TEXT[protocol];
  if (clear === undefined) return undefined;
  const result = await prober.session(
    async (wire) => ({ offered: await clear.offers(new PlainStream(wire, protocol)) }),
    clearPatience(prober),
  );
  if ("offered" in result) return clear.logins(result.offered);
  throw new AppError("PEER_PROTOCOL", `Cannot ask before TLS: ${result.reason}`);
}

/** Without the dialogue that leads to TLS, and with its patience. */
export function clearPatience(prober: Prober): {
  readonly silenceMs: number;
  readonly dialogue: null;
} {
  return { silenceMs: prober.wordMs, dialogue: null };
}
