import { useState } from "preact/hooks";
import { isSignedOut, send } from "../data/api.ts";
import { here } from "../data/route.ts";

/** Asks for the token where there is no session. */
export function SignIn() {
  const [token, setToken] = useState("");
  const [error, setError] = useState(
    here.value.searchParams.get("login") === "failed" ? USED_UP : undefined,
  );
  const signIn = async (): Promise<void> => {
    try {
      await send("POST", "/login", { token: token.trim() });
      isSignedOut.value = false;
      location.assign("/");
    } catch (cause) {
      setError((cause as Error).message);
    }
  };
  return (
    <main class="sign-in">
      <h1>Saker</h1>
      <p>
        This page shows what a host does, so it asks who you are. Run <code>saker open</code> on the
        host: it prints a link that signs you in once. Or paste the token here.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void signIn();
        }}
      >
        <label>
          Token
          <input
            type="password"
            name="token"
            autocomplete="current-password"
            required
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          Sign in
        </button>
      </form>
      {error !== undefined && (
        <p class="bad" role="alert">
          {error}
        </p>
      )}
    </main>
  );
}

/** What a link of `saker open` that does not sign in leads to. */
const USED_UP = "This link has been used, or is too old: saker open prints a new one";
