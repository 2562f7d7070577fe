import { perEvent } from "../state/per-event.ts";
import type { Scene } from "../state/scene.ts";
import { MAX_ANCESTORS } from "./_ancestors.ts";
import type { Extract, ExtractAll, Field, FieldArgument, FieldType, FieldValue } from "./field.ts";

type Marks = Partial<
  Omit<Field, "name" | "type" | "class" | "doc" | "bind" | "bindAll" | "argument">
>;

/** Readers that are made by argument: rules that ask with the same argument share one. */
function sharedByArgument<Reader>(
  make: (argument: string | undefined) => Reader,
): (argument: string | undefined) => Reader {
  const made = new Map<string | undefined, Reader>();
  return (argument) => {
    if (!made.has(argument)) {
      // Rules are loaded anew while the watch runs: arguments that nobody asks for any more go with
      // all others.
      if (made.size >= MAX_SHARED) made.clear();
      made.set(argument, make(argument));
    }
    return made.get(argument) as Reader;
  };
}

const MAX_SHARED = 1000;

interface AncestralOptions {
  /** Which one stands for the field without `[n]`, in place of all. */
  readonly alone?: number;
  /** It may stand on the right side of a comparison, and in a transformer. */
  readonly isFree?: boolean;
}

/** The table's own short forms for one class of fields: each returns one `Field`. */
export function fieldsOf(className: string) {
  return {
    /** A field without argument. */
    plain(name: string, type: FieldType, doc: string, extract: Extract, marks: Marks = {}): Field {
      return {
        name,
        type,
        class: className,
        doc,
        ...marks,
        bind: (argument) => (argument === undefined ? extract : undefined),
      };
    },
    /** A field with an argument; further `marks` stand with it. */
    keyed(
      name: string,
      type: FieldType,
      doc: string,
      argument: FieldArgument & Marks,
      bind: NonNullable<Field["bind"]>,
    ): Field {
      const { kind, required, dotted, optional, ...marks } = argument;
      const described = {
        kind,
        required,
        ...(dotted === true ? { dotted } : {}),
        ...(optional === true ? { optional } : {}),
      };
      const shared = sharedByArgument((given) => {
        const read = bind(given);
        return read === undefined ? undefined : perEvent(read);
      });
      return { name, type, class: className, doc, argument: described, ...marks, bind: shared };
    },
    /**
     * A field of an ancestor: `[n]` is the n-th one up (0 is the process itself); without it any
     * ancestor satisfies a condition, and outputs print all.
     */
    ancestral(
      name: string,
      type: FieldType,
      doc: string,
      read: (scene: Scene, up: number) => FieldValue | undefined,
      { alone, isFree = false }: AncestralOptions = {},
    ): Field {
      const all = perEvent(allAncestors(read));
      return {
        name,
        type,
        class: className,
        doc,
        argument: { kind: "index", required: false },
        ...(isFree ? {} : { noRightSide: true, noTransformer: true }),
        several: "any",
        bind: sharedByArgument((argument) => {
          if (argument === undefined)
            return alone === undefined ? undefined : (scene: Scene) => read(scene, alone);
          if (!/^\d{1,4}$/.test(argument)) return undefined;
          const up = Number(argument);
          return perEvent((scene) => read(scene, up));
        }),
        bindAll: (argument) => (argument === undefined ? all : undefined),
      };
    },
    /**
     * The host names that rules have for an address. `isThere`: whether there is an address that
     * may be without a name.
     */
    hostNames(
      name: string,
      doc: string,
      address: (scene: Scene) => Uint8Array | undefined,
      isThere: (scene: Scene) => boolean,
    ): Field {
      const all = perEvent((scene) => {
        const bytes = address(scene);
        return bytes === undefined ? NO_NAMES : scene.hostNamesOf(bytes);
      });
      const marks = {
        noRightSide: true,
        noTransformer: true,
        several: "ends",
        hostNames: true,
      } as const;
      const first: Extract = (scene) => all(scene)[0];
      return {
        name,
        type: "CHARBUF",
        class: className,
        doc,
        ...marks,
        differs: isThere,
        bind: (argument) => (argument === undefined ? first : undefined),
        bindAll: (argument) => (argument === undefined ? all : undefined),
      };
    },
    /** A field with the values of a socket's two ends. */
    ends(name: string, type: FieldType, doc: string, all: ExtractAll): Field {
      const marks = {
        filterOnly: true,
        noRightSide: true,
        noTransformer: true,
        several: "ends",
      } as const;
      return {
        name,
        type,
        class: className,
        doc,
        ...marks,
        bindAll: (argument) => (argument === undefined ? all : undefined),
      };
    },
    /** A field that is part of the language but that nothing computes yet: it is always missing. */
    absent(
      name: string,
      type: FieldType,
      doc: string,
      marks: Marks & { readonly argument?: FieldArgument } = {},
    ): Field {
      return { name, type, class: className, doc, ...marks };
    },
  };
}

const NO_NAMES: readonly string[] = [];

function allAncestors(read: (scene: Scene, up: number) => FieldValue | undefined): ExtractAll {
  return (scene) => {
    const values: FieldValue[] = [];
    for (let up = 1; up <= MAX_ANCESTORS; up += 1) {
      const value = read(scene, up);
      if (value === undefined) break;
      values.push(value);
    }
    return values;
  };
}
