import { useState } from "preact/hooks";

/** Puts a text into the clipboard and says so. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [said, setSaid] = useState<string>();
  const copy = async (): Promise<void> => {
    const done = await navigator.clipboard.writeText(text).then(
      () => "Copied",
      () => "The browser refused",
    );
    setSaid(done);
    setTimeout(() => setSaid(undefined), 1500);
  };
  return (
    <button type="button" class="small" onClick={() => void copy()}>
      {said ?? label}
    </button>
  );
}
