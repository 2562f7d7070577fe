import type { Fact } from "./audit-facts.ts";
import { type Html, html } from "./html.ts";
import { letterTone } from "./ink.ts";

/** A part of a target's page with its title; nothing when it would be empty. */
export function part(title: string, content: Html): Html {
  return content.text === ""
    ? content
    : html`<section><h2>${title}</h2>${content}</section>
`;
}

/** A letter in its colour. */
export function badge(letter: string): Html {
  return html`<span class="letter ${letter === "–" || letter === "?" ? "dim" : letterTone(letter)}">${letter}</span>`;
}

/** Names and values below each other; empty for none. */
export function factTable(facts: readonly Fact[]): Html {
  return facts.length === 0
    ? html``
    : html`<dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}
