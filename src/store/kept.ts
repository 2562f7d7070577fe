import type { NewAlert } from "./backend.ts";
import type { Series } from "./series.ts";

/** Something that was kept, for those who follow: an id, and in which table it stands. */
export interface Kept {
  readonly id: number;
  readonly kind: "alert" | "port-opened" | "port-closed" | "audit" | "notice";
  /** Of an alert. */
  readonly alert?: { readonly row: NewAlert; readonly series: Series };
  /** Of a closed port: the id of its row. */
  readonly row?: number;
}

/** Hears of what was committed, in the order of ids. */
export type Follower = (kept: readonly Kept[]) => void;
