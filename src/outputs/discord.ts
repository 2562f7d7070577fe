import type { Alert } from "../alerts/alert.ts";
import { postedOptions, type PostedOptions, postedOutput } from "./posted.ts";
import { markdownText, PRIORITY_COLORS, shown, shownParts } from "./shown.ts";

/** Discord's webhook. */
export interface DiscordOptions extends PostedOptions {
  readonly icon: string;
}

/** Alerts as messages with an embed, as falcosidekick sends them; nobody is called by them. */
export const DISCORD_OUTPUT = postedOutput<DiscordOptions>({
  section: "discord",
  doc: "Alerts as messages of Discord, by a webhook.",
  options: {
    ...postedOptions("webhookurl", "The webhook's URL."),
    icon: { key: "icon", default: "", doc: "URL of a picture beside it." },
  },
  contentType: "application/json",
  alerts: 1,
  line: (alert, { icon }) =>
    JSON.stringify({
      content: "",
      ...(icon === "" ? {} : { avatar_url: icon }),
      allowed_mentions: { parse: [] },
      embeds: [embedOf(alert)],
    }),
});

/** Of Discord's webhook API: an embed's fields and characters, and those of a field's value. */
const [FIELDS_MAX, EMBED_MAX] = [25, 6000];
/** Of an alert's, so that they keep these limits with three characters for each. */
const [MESSAGE_MAX, NAME_MAX, VALUE_MAX] = [1000, 80, 300];

function embedOf(alert: Alert): object {
  const description = markdownText(shown(alert.message, MESSAGE_MAX));
  const fields = [];
  let length = description.length;
  for (const [part, text] of shownParts(alert).slice(0, FIELDS_MAX)) {
    const name = markdownText(shown(part, NAME_MAX));
    const value = markdownText(shown(text, VALUE_MAX));
    length += name.length + value.length;
    if (length > EMBED_MAX) break;
    fields.push({ name, value, inline: true });
  }
  return {
    description,
    color: Number.parseInt(PRIORITY_COLORS[alert.priority].slice(1), 16),
    fields,
  };
}
