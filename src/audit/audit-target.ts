import type { DatagramDoor } from "../ports/datagram.ts";
import type { Connect } from "./connection.ts";

/** A port to examine, and how it is reached. */
export interface AuditTarget {
  /** What the report calls it, such as `web:8443`. */
  readonly label: string;
  readonly host: string;
  readonly port: number;
  /** Goes into hellos, and certificates are held against it. U-labels are sent as A-labels. */
  readonly serverName?: string;
  /** The address that was asked for, where no name was: certificates are held against it. */
  readonly identity?: string;
  readonly container?: string;
  readonly connect: Connect;
  /** Opens a UDP socket to the same port number; without it nothing is asked over UDP. */
  readonly datagram?: () => Promise<DatagramDoor>;
}
