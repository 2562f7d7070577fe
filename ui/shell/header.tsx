import { here } from "../data/route.ts";
import { liveState } from "../data/live.ts";
import { nextTheme, theme } from "./theme.ts";

const ROOMS = [
  ["/alerts", "Alerts"],
  ["/ports", "Ports"],
  ["/audits", "TLS reports"],
  ["/health", "Health"],
] as const;

/** Where one can go, whether news still comes in, and how bright it all is. */
export function Header() {
  const { pathname } = here.value;
  return (
    <header class="top">
      <a class="brand" href="/alerts">
        Saker
      </a>
      <nav aria-label="Pages">
        {ROOMS.map(([path, name]) => (
          <a
            key={path}
            href={path}
            aria-current={pathname === path || pathname.startsWith(`${path}/`) ? "page" : undefined}
          >
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

function LiveMark() {
  const state = liveState.value;
  const text = { live: "live", connecting: "connecting …", lost: "no connection" }[state];
  return (
    <span class={`live ${state === "live" ? "live-on" : state}`} role="status">
      {text}
    </span>
  );
}
