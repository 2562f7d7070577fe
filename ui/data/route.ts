import { signal } from "@preact/signals";

/** Where the page is: path and query are the whole state that a link can share. */
export const here = signal(new URL(location.href));

/** Goes to a path of this page; `replace` leaves no step to go back to. */
export function go(href: string, { replace = false }: { replace?: boolean } = {}): void {
  if (replace) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  here.value = new URL(location.href);
}

/** The path that is shown with some of its query's values set, or taken out by `undefined`. */
export function withQuery(changes: Readonly<Record<string, string | undefined>>): string {
  const { pathname, searchParams } = here.value;
  const query = new URLSearchParams(searchParams);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  return text === "" ? pathname : `${pathname}?${text}`;
}

/** From here on links within the page change what is shown, and load nothing anew. */
export function followLinks(): void {
  addEventListener("popstate", () => {
    here.value = new URL(location.href);
  });
  document.addEventListener("click", (click) => {
    if (click.defaultPrevented || click.button !== 0) return;
    if (click.ctrlKey || click.metaKey || click.shiftKey || click.altKey) return;
    const link = click.target instanceof Element ? click.target.closest("a[href]") : null;
    if (!(link instanceof HTMLAnchorElement) || link.origin !== location.origin) return;
    if (link.hasAttribute("download") || link.target !== "" || link.pathname.startsWith("/api/"))
      return;
    click.preventDefault();
    go(link.href);
  });
}
