import { useEffect } from "preact/hooks";
import { AlertsPage } from "../alerts/alerts-page.tsx";
import { AuditPage } from "../audits/audit-page.tsx";
import { AuditsPage } from "../audits/audits-page.tsx";
import { isSignedOut } from "../data/api.ts";
import { follow } from "../data/live.ts";
import { here } from "../data/route.ts";
import { HealthPage } from "../health/health-page.tsx";
import { Empty } from "../parts/empty.tsx";
import { PortPage } from "../ports/port-page.tsx";
import { PortsPage } from "../ports/ports-page.tsx";
import { SilencesPage } from "../silences/silences-page.tsx";
import { Header } from "./header.tsx";
import { KeysHelp } from "./keys-help.tsx";
import { SignIn } from "./sign-in.tsx";

/** The page of the address. */
export function App() {
  return isSignedOut.value ? <SignIn /> : <SignedIn />;
}

function SignedIn() {
  // Whichever page is shown, the header says whether news come in.
  useEffect(() => follow({}), []);
  return (
    <>
      <Header />
      <Room />
      <KeysHelp />
    </>
  );
}

function Room() {
  const [, room = "", id] = here.value.pathname.split("/");
  switch (room) {
    case "":
    case "alerts":
      return <AlertsPage />;
    case "ports":
      return id === undefined ? <PortsPage /> : <PortPage id={id} />;
    case "audits":
      return id === undefined ? <AuditsPage /> : <AuditPage id={id} />;
    case "silences":
      return <SilencesPage />;
    case "health":
      return <HealthPage />;
    default:
      return (
        <main class="page">
          <Empty title="There is no such page">
            <a href="/alerts">To the alerts</a>
          </Empty>
        </main>
      );
  }
}
