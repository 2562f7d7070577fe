import { escaped } from "../../src/reports/escaped.ts";

/** Fields of an alert, each to be picked or not; their values as tips, or beside the names. */
export function FieldPicks({
  fields,
  picked,
  onPick,
  withValues = false,
}: {
  fields: readonly (readonly [name: string, value: unknown])[];
  picked: readonly string[];
  onPick: (picked: readonly string[]) => void;
  withValues?: boolean;
}) {
  return (
    <div class="picks" role="group" aria-label="Fields that must be the same">
      {fields.map(([name, value]) => (
        <label key={name} title={escaped(String(value))}>
          <input
            type="checkbox"
            checked={picked.includes(name)}
            onChange={({ currentTarget: { checked } }) =>
              onPick(checked ? [...picked, name] : picked.filter((other) => other !== name))
            }
          />
          {name}
          {withValues && ` = ${escaped(String(value))}`}
        </label>
      ))}
    </div>
  );
}
