interface TuningField {
  /** Who did it: an exception without such a field would be for anybody. */
  readonly isActor?: true;
  /** What it is worth to have it in an exception: how much narrower that becomes, at a guess. */
  readonly worth: number;
}

/** Fields that exceptions are suggested by: what stays the same from one alert to the next. */
const FIELDS: Readonly<Record<string, TuningField>> = {
  "container.image.repository": { isActor: true, worth: 0.03 },
  "proc.exepath": { isActor: true, worth: 0.03 },
  "proc.name": { isActor: true, worth: 0.02 },
  "proc.exe": { isActor: true, worth: 0.02 },
  "proc.cmdline": { isActor: true, worth: 0.02 },
  "fd.name": { worth: 0.03 },
  "fd.directory": { worth: 0.02 },
  "fd.filename": { worth: 0.01 },
  "fd.sip": { worth: 0.02 },
  "fd.sport": { worth: 0.01 },
  "fd.rip": { worth: 0.02 },
  "fd.rport": { worth: 0.01 },
  "fd.lport": { worth: 0.01 },
  "k8s.ns.name": { worth: 0.01 },
  "saker.pod.owner": { worth: 0.01 },
  "container.name": { worth: 0.01 },
  "proc.pexepath": { worth: 0.015 },
  "proc.pname": { worth: 0.01 },
  "proc.pcmdline": { worth: 0.01 },
  "proc.aname[2]": { worth: 0.005 },
  "proc.aname[3]": { worth: 0.005 },
  "user.name": { worth: 0.01 },
  "user.uid": { worth: 0.005 },
};

/** Their names, those that say most first. */
export const TUNING_FIELDS: readonly string[] = Object.keys(FIELDS);

/** Whether a field says who did it. */
export function isActor(field: string): boolean {
  return FIELDS[field]?.isActor === true;
}

/** What these fields are worth to an exception, together. */
export function worthOf(fields: readonly string[]): number {
  return fields.reduce((sum, field) => sum + (FIELDS[field]?.worth ?? 0), 0);
}
