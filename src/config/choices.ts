/** What is done when events are lost (Falco's syscall_event_drops). */
export const DROP_ACTIONS = ["ignore", "log", "alert", "exit"] as const;
/** One of `DROP_ACTIONS`. */
export type DropAction = (typeof DROP_ACTIONS)[number];

/** Which matches are captured: of rules that ask for it (`capture: true`), or all. */
export const CAPTURE_MODES = ["rules", "all_rules"] as const;
/** One of `CAPTURE_MODES`. */
export type CaptureMode = (typeof CAPTURE_MODES)[number];

/** What is committed to the store: written, or on the disk. */
export const DURABILITIES = ["normal", "full"] as const;
export type Durability = (typeof DURABILITIES)[number];
