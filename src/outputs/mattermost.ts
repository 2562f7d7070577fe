import { postedOptions, postedOutput } from "./posted.ts";
import { attachedMessage, ATTACHMENT_OPTIONS, type AttachmentOptions } from "./slack.ts";
import { markdownText, shown } from "./shown.ts";

/** Alerts as messages with an attachment, as falcosidekick sends them. */
export const MATTERMOST_OUTPUT = postedOutput<AttachmentOptions>({
  section: "mattermost",
  doc: "Alerts as messages of Mattermost, by an incoming webhook.",
  options: { ...postedOptions("webhookurl", "The webhook's URL."), ...ATTACHMENT_OPTIONS },
  contentType: "application/json",
  alerts: 1,
  line: (alert, options) =>
    JSON.stringify(attachedMessage(alert, options, (text) => markdownText(shown(text, 3000)))),
});
