/** What went wrong, and a way to try again. */
export function Trouble({ error, retry }: { error: Error; retry?: () => void }) {
  return (
    <div class="trouble" role="alert">
      <span>{error.message}</span>
      {retry !== undefined && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
