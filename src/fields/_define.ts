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

type About = Pick<Field, "name" | "type" | "class" | "doc">;

/** A reader of a field that takes no argument. */
const withoutArgument =
  <Reader>(reader: Reader) =>
  (argument: string | undefined): Reader | undefined =>
    argument === undefined ? reader : undefined;

/** The table's own short forms for one class of fields: each returns one `Field`. */
export function fieldsOf(className: string) {
  const about = (name: string, type: FieldType, doc: string): About => ({
    name,
    type,
    class: className,
    doc,
  });
  return {
    /** A field without argument. */
    plain: (
      name: string,
      type: FieldType,
      doc: string,
      extract: Extract,
      marks: Marks = {},
    ): Field => ({ ...about(name, type, doc), ...marks, bind: withoutArgument(extract) }),
    /** A field with an argument; further `marks` stand with it. */
    keyed: (
      name: string,
      type: FieldType,
      doc: string,
      argument: FieldArgument & Marks,
      bind: NonNullable<Field["bind"]>,
    ): Field => keyed(about(name, type, doc), argument, bind),
    /**
     * A field of an ancestor: `[n]` is the n-th one up (0 is the process itself); without it any
     * ancestor satisfies a condition, and outputs print all.
     */
    ancestral: (
      name: string,
      type: FieldType,
      doc: string,
      read: ReadAncestor,
      options: AncestralOptions = {},
    ): Field => ancestral(about(name, type, doc), read, options),
    /**
     * The host names that rules have for an address. `isThere`: whether there is an address that
     * may be without a name.
     */
    hostNames: (
      name: string,
      doc: string,
      address: (scene: Scene) => Uint8Array | undefined,
      isThere: (scene: Scene) => boolean,
    ): Field => hostNames(about(name, "CHARBUF", doc), address, isThere),
    /** A field with the values of a socket's two ends. */
    ends: (name: string, type: FieldType, doc: string, all: ExtractAll): Field => ({
      ...about(name, type, doc),
      filterOnly: true,
      noRightSide: true,
      noTransformer: true,
      several: "ends",
      bindAll: withoutArgument(all),
    }),
    /** A field that is part of the language but that nothing computes yet: it is always missing. */
    absent: (
      name: string,
      type: FieldType,
      doc: string,
      marks: Marks & { readonly argument?: FieldArgument } = {},
    ): Field => ({ ...about(name, type, doc), ...marks }),
  };
}

function keyed(
  about: About,
  { kind, required, dotted, optional, ...marks }: FieldArgument & Marks,
  bind: NonNullable<Field["bind"]>,
): Field {
  const argument = {
    kind,
    required,
    ...(dotted === true ? { dotted } : {}),
    ...(optional === true ? { optional } : {}),
  };
  const shared = sharedByArgument((given) => {
    const read = bind(given);
    return read === undefined ? undefined : perEvent(read);
  });
  return { ...about, argument, ...marks, bind: shared };
}

type ReadAncestor = (scene: Scene, up: number) => FieldValue | undefined;

function ancestral(
  about: About,
  read: ReadAncestor,
  { alone, isFree = false }: AncestralOptions,
): Field {
  return {
    ...about,
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
    bindAll: withoutArgument(perEvent(allAncestors(read))),
  };
}

function hostNames(
  about: About,
  address: (scene: Scene) => Uint8Array | undefined,
  isThere: (scene: Scene) => boolean,
): Field {
  const all = perEvent((scene) => {
    const bytes = address(scene);
    return bytes === undefined ? NO_NAMES : scene.hostNamesOf(bytes);
  });
  return {
    ...about,
    noRightSide: true,
    noTransformer: true,
    several: "ends",
    hostNames: true,
    differs: isThere,
    bind: withoutArgument<Extract>((scene) => all(scene)[0]),
    bindAll: withoutArgument(all),
  };
}

const NO_NAMES: readonly string[] = [];

function allAncestors(read: ReadAncestor): ExtractAll {
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
