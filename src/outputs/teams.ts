import type { Alert } from "../alerts/alert.ts";
import { isAtLeast } from "../rules/priority.ts";
import { postedOptions, type PostedOptions, postedOutput } from "./posted.ts";
import { shown, shownParts } from "./shown.ts";

/**
 * Alerts as Adaptive Cards for a workflow of Microsoft Teams (the connectors' old cards are switched
 * off). Runs of text show as they are; blocks would read Markdown in them.
 */
export const TEAMS_OUTPUT = postedOutput<PostedOptions>({
  section: "teams",
  doc: "Alerts as Adaptive Cards of Microsoft Teams, by a workflow that takes a webhook.",
  options: postedOptions("webhookurl", "The workflow's URL."),
  contentType: "application/json",
  alerts: 1,
  line: (alert) =>
    JSON.stringify({
      type: "message",
      attachments: [
        { contentType: "application/vnd.microsoft.card.adaptive", content: cardOf(alert) },
      ],
    }),
});

function cardOf(alert: Alert): object {
  const { rule, priority, message } = alert;
  const color = isAtLeast(priority, "Error") ? "attention" : "warning";
  return {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    body: [
      textBlock({ type: "TextRun", text: `${priority}: ${shown(rule)}`, weight: "bolder", color }),
      textBlock({ type: "TextRun", text: shown(message, MESSAGE_MAX) }),
      ...shownParts(alert).map(([name, value]) =>
        textBlock(
          { type: "TextRun", text: `${shown(name)}: `, weight: "bolder" },
          { type: "TextRun", text: shown(value, VALUE_MAX) },
        ),
      ),
    ],
  };
}

/** Teams takes 28 KB a message. */
const [MESSAGE_MAX, VALUE_MAX] = [3000, 300];

function textBlock(...inlines: readonly object[]): object {
  return { type: "RichTextBlock", inlines };
}
