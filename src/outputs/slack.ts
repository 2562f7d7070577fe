import type { Alert } from "../alerts/alert.ts";
import type { Priority } from "../rules/priority.ts";
import { postedOptions, type PostedOptions, postedOutput, shown, shownParts } from "./posted.ts";

/** Slack's incoming webhook; Mattermost and Rocket.Chat take the same. */
export interface SlackOptions extends PostedOptions {
  readonly channel: string;
  readonly username: string;
  readonly icon: string;
  readonly footer: string;
}

/** Alerts as messages with an attachment, as falcosidekick sends them. */
export const SLACK_OUTPUT = postedOutput<SlackOptions>({
  section: "slack",
  doc: "Alerts as messages of Slack, by an incoming webhook.",
  options: {
    ...postedOptions("webhookurl", "The webhook's URL."),
    channel: { key: "channel", default: "", doc: "Another channel than the webhook's." },
    username: { key: "username", default: "Saker", doc: "Who the message is from." },
    icon: { key: "icon", default: "", doc: "URL of a picture beside it." },
    footer: { key: "footer", default: "", doc: "A line below it." },
  },
  contentType: "application/json",
  alerts: 1,
  line: (alert, { channel, username, icon, footer }) =>
    JSON.stringify({
      username,
      ...(channel === "" ? {} : { channel }),
      ...(icon === "" ? {} : { icon_url: icon }),
      attachments: [
        {
          fallback: plain(alert.message),
          color: COLORS[alert.priority],
          text: plain(alert.message),
          fields: fieldsOf(alert),
          ...(footer === "" ? {} : { footer }),
        },
      ],
    }),
});

/** Slack shows fields side by side that are shorter. */
const SHORT = 36;

function fieldsOf(alert: Alert): readonly object[] {
  return shownParts(alert).map(([title, value]) => ({
    title: plain(title),
    value: plain(value),
    short: value.length < SHORT,
  }));
}

/** These three begin what Slack reads as links, channels and `<!channel>`. */
function plain(text: string): string {
  return shown(text, 3000).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const COLORS: Readonly<Record<Priority, string>> = {
  Emergency: "#b71c1c",
  Alert: "#b71c1c",
  Critical: "#d32f2f",
  Error: "#f4511e",
  Warning: "#f9a825",
  Notice: "#0288d1",
  Informational: "#64b5f6",
  Debug: "#9e9e9e",
};
