import type { Case } from "./case-file.ts";

/** Kinds of case files that nothing of ours can answer yet, with the reason. */
export const SKIPPED_KINDS: Readonly<Record<string, string>> = {};

interface Skip {
  readonly kind: string;
  /** The case's name, expression or format. */
  readonly about: string;
  readonly reason: string;
}

const BY_HAND = "the upstream test changes the engine's own tables by hand between the events";

const SIMULATED = "the case makes Falco simulate drops, which is a test of Falco's own";

/** Cases whose answer is not ours, each with its reason. A case that is met must not stand here. */
export const SKIPS: readonly Skip[] = [
  {
    kind: "config",
    about: "own_90",
    reason: "a list where keys should be is an error here; Falco starts with its defaults",
  },
  {
    kind: "event_scenarios",
    about: "sinsp_with_test_input.PROC_EXIT_already_dead_thread",
    reason: BY_HAND,
  },
  {
    kind: "event_scenarios",
    about: "sinsp_with_test_input.THRD_MANAGER_find_new_reaper_detect_loop",
    reason: BY_HAND,
  },
  { kind: "event_scenarios", about: "sinsp_with_test_input.PROC_FILTER_nthreads", reason: BY_HAND },
  {
    kind: "event_scenarios",
    about: "sinsp_with_test_input.CLONE_CALLER_tid_collision",
    reason: BY_HAND,
  },
  {
    kind: "event_scenarios",
    about: "sinsp_with_test_input.USER_FILTER_extract_from_existent_user_entry_without_metadata",
    reason: BY_HAND,
  },
  {
    kind: "event_scenarios",
    about: "sinsp_with_test_input.CLONE_CHILD_tid_collision",
    reason: "a child whose pid is not its tid and who is no thread: no kernel makes one",
  },
  {
    kind: "event_scenarios",
    about: "sinsp_with_test_input.sinsp_observer",
    reason: "a process that is its own parent: no kernel makes one",
  },
  {
    kind: "event_scenarios",
    about: "sinsp_with_test_input.suppress_comm",
    reason: "the upstream test suppresses a process by name, which no file of Falco can ask for",
  },
  {
    kind: "event_scenarios",
    about: "sinsp_with_test_input.creates_fd_generic",
    reason: "an enter event that no reader of captures hands on: its parameters go into the exit",
  },
  {
    kind: "event_scenarios",
    about: "sinsp_with_test_input.EVT_FILTER_data_buffer_str",
    reason: "an enter event that no reader of captures hands on: its parameters go into the exit",
  },
  { kind: "regression_e2e", about: "TestFalco_Legacy_MonitorSyscallDropsAlert", reason: SIMULATED },
  { kind: "regression_e2e", about: "TestFalco_Legacy_MonitorSyscallDropsExit", reason: SIMULATED },
  {
    kind: "rule_enable",
    about: "test_falco_engine.enable_rule_id",
    reason:
      "the case counts without the steps between: those that go by a rule's number were not recorded",
  },
  {
    kind: "rule_loading",
    about: "falco_engine_alternate_loader",
    reason:
      "upstream's test puts a loader of its own in place, which knows an item that no rules file has",
  },
];

/** Why a case is not ours to meet; undefined when it is. */
export function skipReason(kind: string, one: Case): string | undefined {
  const about = one["name"] ?? one["expr"] ?? one["fmt"];
  return SKIPS.find((skip) => skip.kind === kind && skip.about === about)?.reason;
}
