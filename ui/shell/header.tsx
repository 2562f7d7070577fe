import { useEffect } from "preact/hooks";
import { here } from "../data/route.ts";
import { liveState } from "../data/live.ts";
import { nextTheme, theme } from "./theme.ts";

const ROOMS = [
  ["/alerts", "Alerts"],
  ["/ports", "Ports"],
  ["/audits", "TLS reports"],
  ["/silences", "Silences"],
  ["/health", "Health"],
] as const;

/** Where one can go, whether news still comes in, and how bright it all is. */
export function Header() {
  const { pathname } = here.value;
  const room = ROOMS.find(([path]) => isWithin(pathname, path)) ?? ROOMS[0];
  useEffect(() => {
    document.title = `${room[1]} · Saker`;
  }, [room]);
  return (
    <header class="top">
      <a class="brand" href="/alerts">
        Saker
      </a>
      <nav aria-label="Pages">
        {ROOMS.map(([path, name]) => (
          <a key={path} href={path} aria-current={path === room[0] ? "page" : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <LiveMark />
      <button
        type="button"
        class="quiet"
        title={`Light or dark: ${theme.value}`}
        aria-label={`Light or dark: ${theme.value}`}
        onClick={nextTheme}
      >
        {{ system: "◐", light: "○", dark: "●" }[theme.value]}
      </button>
    </header>
  );
}

function isWithin(pathname: string, path: string): boolean {
  return pathname === path || pathname.startsWith(`${path}/`);
}

function LiveMark() {
  const state = liveState.value;
  const text = { live: "live", connecting: "connecting …", lost: "no connection" }[state];
  return (
    <span class={`live ${state === "live" ? "live-on" : state}`} role="status">
      {text}
    </span>
  );
}
