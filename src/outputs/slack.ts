import type { Alert } from "../alerts/alert.ts";
import type { OptionTable } from "./option.ts";
import { postedOptions, type PostedOptions, postedOutput } from "./posted.ts";
import { htmlText, PRIORITY_COLORS, shown, shownParts } from "./shown.ts";

/** How a message with an attachment looks. */
export interface AttachmentOptions extends PostedOptions {
  readonly username: string;
  readonly icon: string;
  readonly footer: string;
}

/** Slack's incoming webhook. */
export interface SlackOptions extends AttachmentOptions {
  readonly channel: string;
}

export const ATTACHMENT_OPTIONS: Omit<OptionTable<AttachmentOptions>, keyof PostedOptions> = {
  username: { key: "username", default: "Saker", doc: "Who the message is from." },
  icon: { key: "icon", default: "", doc: "URL of a picture beside it." },
  footer: { key: "footer", default: "", doc: "A line below it." },
};

/** Alerts as messages with an attachment, as falcosidekick sends them. */
export const SLACK_OUTPUT = postedOutput<SlackOptions>({
  section: "slack",
  doc: "Alerts as messages of Slack, by an incoming webhook.",
  options: {
    ...postedOptions("webhookurl", "The webhook's URL."),
    channel: { key: "channel", default: "", doc: "Another channel than the webhook's." },
    ...ATTACHMENT_OPTIONS,
  },
  contentType: "application/json",
  alerts: 1,
  line: (alert, options) =>
    JSON.stringify({
      ...(options.channel === "" ? {} : { channel: options.channel }),
      ...attachedMessage(alert, options, plain),
    }),
});

/** A message as Slack and its kin take it; `inert` makes others' words text. */
export function attachedMessage(
  alert: Alert,
  { username, icon, footer }: AttachmentOptions,
  inert: (text: string) => string,
): object {
  const attachment = {
    fallback: inert(alert.message),
    color: PRIORITY_COLORS[alert.priority],
    text: inert(alert.message),
    fields: shownParts(alert).map(([title, value]) => ({
      title: inert(title),
      value: inert(value),
      short: value.length < SHORT,
    })),
    ...(footer === "" ? {} : { footer }),
  };
  return { username, ...(icon === "" ? {} : { icon_url: icon }), attachments: [attachment] };
}

/** Slack shows fields side by side that are shorter. */
const SHORT = 36;

/**
 * `&`, `<` and `>` begin what Slack reads as links, channels and `<!channel>`. What calls everybody
 * elsewhere is broken, too: servers that take Slack's messages read it.
 */
function plain(text: string): string {
  return htmlText(shown(text, 3000)).replace(/@(?=(?:channel|all|here|everyone)\b)/gi, "@\u200b");
}
