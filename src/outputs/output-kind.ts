import type { Destination } from "./destination.ts";
import type { OptionTable } from "./option.ts";
import type { OutputContext } from "./output-context.ts";

/** One kind of output: its section of the configuration, and how it is opened. */
export interface OutputKind<Options extends object> {
  /** As in falco.yaml. */
  readonly section: string;
  readonly doc: string;
  readonly options: OptionTable<Options>;
  /** The option without which it cannot be switched on. */
  readonly required?: keyof Options & string;
  /** Whether it is used at all. */
  isOn(options: Options): boolean;
  open(options: Options, context: OutputContext): Destination;
}
