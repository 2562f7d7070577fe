import { PRIORITIES, type Priority } from "../../src/rules/priority.ts";

/** What a priority is called in a class name and in a style's variable: `--critical`. */
export function toneOf(priority: Priority): string {
  return priority.toLowerCase();
}

/** The colour of a priority's area as the style has it now, light or dark: paler than its text. */
export function colourOf(priority: Priority): string {
  return styleColour(`color-mix(in srgb, var(--${toneOf(priority)}) 72%, var(--page))`);
}

/** A colour as the style has it now, `var(--dim)`, in a form that a canvas takes. */
export function styleColour(colour: string): string {
  probe ??= document.body.appendChild(document.createElement("i"));
  probe.hidden = true;
  probe.style.color = colour;
  return getComputedStyle(probe).color;
}

let probe: HTMLElement | undefined;

/** Least urgent first: the order in which a chart stacks them. */
export const STACKED: readonly Priority[] = PRIORITIES.toReversed();
