import { effect, signal } from "@preact/signals";

/** `system` follows the reader's machine. */
export type Theme = "system" | "light" | "dark";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

/** What was chosen; kept by the browser. */
export const theme = signal<Theme>(
  THEMES.find((name) => name === localStorage.getItem("theme")) ?? "system",
);

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
  localStorage.setItem("theme", theme.value);
});

/** The next of the three. */
export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
}
