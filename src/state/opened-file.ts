import type { Descriptor } from "./descriptor.ts";
import { concatenatePaths, UNKNOWN_DIRECTORY, UNREADABLE } from "./path.ts";

/** What an open event says of its file. */
export interface OpenedFileValues {
  readonly number: number;
  readonly kind: string;
  /** Where a relative path starts from. */
  readonly base: string;
  /** As it was passed. */
  readonly path: string;
  readonly device: number;
  readonly inode: number;
  readonly upperLayer: boolean;
  readonly lowerLayer: boolean;
  readonly closedOnExec: boolean;
  /** The open failed: nothing but the name is told. */
  readonly isUnknown: true | undefined;
}

/**
 * A file of a capture. Hot: opens are many, and few are asked for their names, so those are made
 * when asked.
 */
export class OpenedFile implements Descriptor {
  readonly number: number;
  readonly kind: string;
  readonly device: number;
  readonly inode: number;
  readonly upperLayer: boolean;
  readonly lowerLayer: boolean;
  readonly closedOnExec: boolean;
  readonly isUnknown: true | undefined;
  nameChanged = true;
  readonly #base: string;
  readonly #path: string;
  #name: string | undefined;

  constructor({
    number,
    kind,
    base,
    path,
    device,
    inode,
    upperLayer,
    lowerLayer,
    closedOnExec,
    isUnknown,
  }: OpenedFileValues) {
    this.number = number;
    this.kind = kind;
    this.device = device;
    this.inode = inode;
    this.upperLayer = upperLayer;
    this.lowerLayer = lowerLayer;
    this.closedOnExec = closedOnExec;
    this.isUnknown = isUnknown;
    this.#base = base;
    this.#path = path;
  }

  get name(): string {
    // Of an open that failed the event itself is asked, which says no more.
    const isMissing = this.isUnknown === true && this.#path === UNREADABLE;
    this.#name ??= isMissing ? UNREADABLE : openedName(this.#base, this.#path);
    return this.#name;
  }

  get rawName(): string {
    return rawNameOf(this.#path);
  }

  /** The same file under another number, of which the event that made it did not tell the name. */
  duplicate(number: number, closedOnExec: boolean): OpenedFile {
    const { kind, device, inode, upperLayer, lowerLayer } = this;
    const same = new OpenedFile({
      number,
      kind,
      base: this.#base,
      path: this.#path,
      device,
      inode,
      upperLayer,
      lowerLayer,
      closedOnExec,
      isUnknown: undefined,
    });
    same.#name = this.#name;
    same.nameChanged = false;
    return same;
  }

  get protocol(): undefined {
    return undefined;
  }

  get local(): undefined {
    return undefined;
  }

  get remote(): undefined {
    return undefined;
  }

  get client(): undefined {
    return undefined;
  }

  get server(): undefined {
    return undefined;
  }

  get isServer(): boolean {
    return false;
  }

  get connected(): boolean {
    return false;
  }
}

/** The path that an open leads to. */
function openedName(base: string, path: string): string {
  if (path.startsWith("/")) return concatenatePaths("", path);
  return base === UNKNOWN_DIRECTORY ? `${UNKNOWN_DIRECTORY}/${path}` : concatenatePaths(base, path);
}

/** A path as it was passed, but that slashes in a row are one. */
function rawNameOf(path: string): string {
  return path.includes("//") ? path.replaceAll(/\/{2,}/g, "/") : path;
}
