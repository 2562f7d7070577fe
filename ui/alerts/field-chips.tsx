import { escaped } from "../../src/reports/escaped.ts";
import type { StoredAlert } from "../../src/web/schemas/alert.ts";
import { toggled } from "./alert-filter.ts";

/** Each field of an alert, with a step into the filter and one out of it. */
export function FieldChips({ fields }: { fields: StoredAlert["output_fields"] }) {
  const entries = Object.entries(fields);
  if (entries.length === 0) return null;
  return (
    <section>
      <h3>Fields</h3>
      <ul class="fields">
        {entries.map(([name, value]) => (
          <li key={name}>
            <span class="name">{escaped(name)}</span>
            <span class="value">{value === null ? "<NA>" : escaped(String(value))}</span>
            {value !== null && (
              <>
                <a
                  class="button small"
                  href={toggled("field", `${name}=${String(value)}`)}
                  aria-label={`Only ${name} = this`}
                  title="Only these"
                >
                  +
                </a>
                <a
                  class="button small"
                  href={toggled("field!", `${name}=${String(value)}`)}
                  aria-label={`Leave out ${name} = this`}
                  title="Leave these out"
                >
                  −
                </a>
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
