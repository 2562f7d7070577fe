import type { DescriptorEntry, HostEntries, ThreadEntry } from "../state/host-entries.ts";
import {
  DESCRIPTOR_LISTS,
  INTERFACE_LISTS,
  MACHINE,
  PROCESS_LISTS,
  USER_LISTS,
} from "./scap-format.ts";
import {
  readAccounts,
  readDescriptors,
  readInterfaces,
  readMachine,
  readThreads,
} from "./scap-lists.ts";

/** The lists of one section, as its blocks tell them one after the other. */
export class SectionEntries implements HostEntries {
  machine: HostEntries["machine"];
  readonly threads: ThreadEntry[] = [];
  readonly descriptors = new Map<number, readonly DescriptorEntry[]>();
  users: HostEntries["users"] = [];
  groups: HostEntries["groups"] = [];
  interfaces: HostEntries["interfaces"] = [];

  /** Takes a block that is a list, without header and trailer. Throws `INPUT_CAPTURE`. */
  take(type: number, body: Uint8Array): void {
    const version = (lists: ReadonlyMap<number, number>): number | undefined => lists.get(type);
    const ofProcesses = version(PROCESS_LISTS);
    const ofDescriptors = version(DESCRIPTOR_LISTS);
    const ofInterfaces = version(INTERFACE_LISTS);
    if (type === MACHINE.type) this.machine = readMachine(body);
    else if (ofProcesses !== undefined)
      for (const thread of readThreads(body, ofProcesses)) this.threads.push(thread);
    else if (ofInterfaces !== undefined) this.interfaces = readInterfaces(body, ofInterfaces);
    else if (ofDescriptors !== undefined) {
      const { tid, descriptors } = readDescriptors(body, ofDescriptors);
      this.descriptors.set(tid, descriptors);
    } else {
      const { users, groups } = readAccounts(body, version(USER_LISTS) ?? 1);
      [this.users, this.groups] = [users, groups];
    }
  }
}
