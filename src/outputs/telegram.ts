import type { Alert } from "../alerts/alert.ts";
import type { HttpAnswer } from "./http-client.ts";
import { type PostedOptions, postedOutput, withPath } from "./posted.ts";
import { SERVICE_OPTIONS } from "./service.ts";
import { htmlText, shown, shownParts } from "./shown.ts";

/** A bot of Telegram, and the chat that it writes to. */
export interface TelegramOptions extends PostedOptions {
  readonly token: string;
  readonly chatId: string;
  readonly threadId: string;
}

/** Alerts as messages of a bot; others' words stand there as code, in which Telegram reads nothing. */
export const TELEGRAM_OUTPUT = postedOutput<TelegramOptions>({
  section: "telegram",
  doc: "Alerts as messages of a Telegram bot.",
  required: "token",
  options: {
    address: { key: "host", default: "https://api.telegram.org", doc: "The bot API's address." },
    ...SERVICE_OPTIONS,
    token: {
      key: "token",
      default: "",
      doc: "The bot's token. With it the output is on.",
      secret: true,
    },
    chatId: { key: "chatid", default: "", doc: "The chat that it writes to." },
    threadId: { key: "messagethreadid", default: "", doc: "The topic in that chat." },
  },
  url: ({ address, token }) => withPath(address, `/bot${token}/sendMessage`),
  contentType: "application/json",
  alerts: 1,
  line: (alert, { chatId, threadId }) =>
    JSON.stringify({
      chat_id: chatId,
      ...(threadId === "" ? {} : { message_thread_id: threadId }),
      parse_mode: "HTML",
      disable_web_page_preview: true,
      text: textOf(alert),
    }),
  waitMs: retryAfter,
});

/** The characters of a message, without its tags, are 4096 at most. */
const [TEXT_MAX, MESSAGE_MAX, VALUE_MAX] = [4000, 1500, 300];

function textOf(alert: Alert): string {
  const message = shown(alert.message, MESSAGE_MAX);
  const rows = [`<b>${alert.priority}</b> ${code(shown(alert.rule, VALUE_MAX))}`, code(message)];
  let length = message.length + VALUE_MAX;
  for (const [name, text] of shownParts(alert).slice(2)) {
    const [label, value] = [shown(name, VALUE_MAX), shown(text, VALUE_MAX)];
    length += label.length + value.length + 3;
    if (length > TEXT_MAX) break;
    rows.push(`${htmlText(label)}: ${code(value)}`);
  }
  return rows.join("\n");
}

function code(text: string): string {
  return `<code>${htmlText(text)}</code>`;
}

/** Some twenty messages a minute are taken for a group; the wait stands in the answer's body. */
function retryAfter({ text }: HttpAnswer): number | undefined {
  const [, seconds] = /"retry_after":\s*(\d{1,6})/.exec(text) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
