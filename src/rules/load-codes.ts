import type { ErrorCode, WarningCode } from "./diagnostic.ts";

/** What each of Falco's load codes says, in a few words. */
export const LOAD_CODES: Readonly<Record<ErrorCode | WarningCode, string>> = {
  LOAD_ERR_FILE_READ: "File cannot be read",
  LOAD_ERR_YAML_PARSE: "Text is not YAML",
  LOAD_ERR_YAML_VALIDATE: "YAML is not a rules file",
  LOAD_ERR_COMPILE_CONDITION: "Condition does not compile",
  LOAD_ERR_COMPILE_OUTPUT: "Output does not compile",
  LOAD_ERR_VALIDATE: "Items do not fit together",
  LOAD_ERR_EXTENSION: "Extension is not valid",
  LOAD_UNKNOWN_SOURCE: "Source of events is not there",
  LOAD_UNSAFE_NA_CHECK: "Comparison with <NA> may not do what is meant",
  LOAD_NO_EVTTYPE: "Condition is asked on nearly every event",
  LOAD_UNKNOWN_FILTER: "Field or event type is not known",
  LOAD_UNUSED_MACRO: "Macro is not used",
  LOAD_UNUSED_LIST: "List is not used",
  LOAD_UNKNOWN_ITEM: "Item is not known",
  LOAD_DEPRECATED_ITEM: "Way of writing is deprecated",
  LOAD_WARNING_EXTENSION: "Extension has something to say",
  LOAD_APPEND_NO_VALUES: "Appended exception has no values",
  LOAD_EXCEPTION_NAME_NOT_UNIQUE: "Name of the exception stands twice",
  LOAD_INVALID_MACRO_NAME: "Name of the macro is not valid",
  LOAD_INVALID_LIST_NAME: "Name of the list is not valid",
  LOAD_COMPILE_CONDITION: "Condition compiles, and may not say what is meant",
  LOAD_UNKNOWN_KEY: "Key is not known",
  LOAD_EMPTY_DOCUMENT: "Falco reads no further",
  LOAD_BASE_NAME: "Name is known without Falco's own rules file",
};
