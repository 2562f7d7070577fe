import type { Alert } from "../alerts/alert.ts";
import { escapeUnseen } from "../lib/escape-unseen.ts";
import { shown, shownParts } from "./shown.ts";

/** Of an alert's message: in the subject, and in the mail. */
const [SUBJECT_MAX, MESSAGE_MAX] = [150, 10_000];

/**
 * An alert as a mail of plain text (RFC 5322), without the dot at its end. Others' words stand in
 * Base64 alone, so that none of them makes a header or ends the mail.
 */
export function mailOf(alert: Alert, from: string, to: string): string {
  const { priority, message, uuid, time } = alert;
  const rows = [
    shown(message, MESSAGE_MAX),
    "",
    ...shownParts(alert).map(([name, value]) => `${shown(name)}: ${value}`),
    "",
  ];
  return [
    `From: ${headerText(from)}`,
    `To: ${headerText(to)}`,
    `Subject: ${encodedWords(`[${priority}] ${shown(message, SUBJECT_MAX)}`)}`,
    `Date: ${mailDate(time)}`,
    // The alert's own number: what is sent twice can be told.
    `Message-ID: <${uuid}@saker>`,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    ...base64Rows(rows.join("\r\n")),
  ].join("\r\n");
}

/** What the configuration says stays on its line. */
function headerText(text: string): string {
  return escapeUnseen(text);
}

/** RFC 2047, section 2: a line with such words has 76 characters at most, and each ends where a character does. */
const WORD_BYTES = 39;

function encodedWords(text: string): string {
  const words = [""];
  for (const character of text) {
    const last = words.at(-1) as string;
    if (Buffer.byteLength(last + character) <= WORD_BYTES)
      words[words.length - 1] = last + character;
    else words.push(character);
  }
  return words.map((word) => `=?UTF-8?B?${Buffer.from(word).toString("base64")}?=`).join("\r\n ");
}

function base64Rows(text: string): readonly string[] {
  return (
    Buffer.from(text)
      .toString("base64")
      .match(/.{1,76}/g) ?? []
  );
}

/** `Sat, 08 Feb 2025 08:23:00 +0000` */
function mailDate(time: bigint): string {
  return new Date(Number(time / 1_000_000n)).toUTCString().replace("GMT", "+0000");
}
