const ACTION = /\{\{\s*(.*?)\s*\}\}/gs;

/** A field, an item of the fields by its name, or a text. */
const TERM = /^(?:\.([A-Za-z_]\w*)|\(?\s*index\s+\.\s+"([^"]+)"\s*\)?|"([^"]*)"|`([^`]*)`)$/;
const TERMS = /\(\s*index\s+\.\s+"[^"]+"\s*\)|\.[A-Za-z_]\w*|"[^"]*"|`[^`]*`/g;

/**
 * Fills a template of Go's, as far as falcosidekick's users write it for one field: `.name`,
 * `index . "a.name"`, and `or` of these and texts. A field that is not there is empty.
 */
export function filledTemplate(template: string, valueOf: (name: string) => string): string {
  return trimmed(template).replace(ACTION, (_, action: string) => {
    const terms = termsOf(action) ?? [];
    return terms.map((term) => valueIn(term, valueOf)).find((text) => text !== "") ?? "";
  });
}

/** `{{- ` and ` -}}` leave out the blanks before and behind. */
function trimmed(template: string): string {
  return template.replaceAll(/\s*\{\{- /g, "{{ ").replaceAll(/ -\}\}\s*/g, " }}");
}

/** What of a template is not read, in words; undefined when all of it is. */
export function templateProblem(template: string): string | undefined {
  const unread = [...trimmed(template).matchAll(ACTION)]
    .map(([, action = ""]) => action)
    .find((action) => termsOf(action) === undefined);
  if (unread !== undefined) return `{{ ${unread} }}`;
  return /\{\{|\}\}/.test(template.replace(ACTION, "")) ? "an action without its end" : undefined;
}

/** The first of these that is not empty counts. */
function termsOf(action: string): readonly string[] | undefined {
  if (TERM.test(action)) return [action];
  const [, rest] = /^or\s+(.*)$/s.exec(action) ?? [];
  if (rest === undefined || rest.replace(TERMS, "").trim() !== "") return undefined;
  return rest.match(TERMS) ?? undefined;
}

function valueIn(term: string, valueOf: (name: string) => string): string {
  const [, field, item, text, raw] = TERM.exec(term) ?? [];
  const name = field ?? item;
  return name === undefined ? (text ?? raw ?? "") : valueOf(name);
}
