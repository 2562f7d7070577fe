import type { Alert } from "../alerts/alert.ts";
import { postedOptions, type PostedOptions, postedOutput } from "./posted.ts";
import { htmlText, shown, shownParts } from "./shown.ts";

/** Alerts as cards: those read a few tags of HTML, and a message's text would call people. */
export const GOOGLE_CHAT_OUTPUT = postedOutput<PostedOptions>({
  section: "googlechat",
  doc: "Alerts as cards of Google Chat, by an incoming webhook.",
  options: postedOptions("webhookurl", "The webhook's URL."),
  contentType: "application/json; charset=UTF-8",
  alerts: 1,
  line: (alert) => JSON.stringify({ cardsV2: [{ cardId: alert.uuid, card: cardOf(alert) }] }),
});

/** A message has 32 KB at most. */
const [MESSAGE_MAX, VALUE_MAX] = [2000, 100];

function cardOf(alert: Alert): object {
  const message = { textParagraph: { text: htmlText(shown(alert.message, MESSAGE_MAX)) } };
  const fields = shownParts(alert).map(([name, value]) => ({
    decoratedText: {
      topLabel: htmlText(shown(name, VALUE_MAX)),
      text: htmlText(shown(value, VALUE_MAX)),
      wrapText: true,
    },
  }));
  return { sections: [{ widgets: [message, ...fields] }] };
}
