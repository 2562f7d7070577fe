import { OPEN_PORT_TAG } from "../alerts/alert.ts";
import { SHIPPED_RULES } from "../config/rule-files.ts";

/**
 * Who brings other rules than ours, such as Falco's own, is to know that no port will be news;
 * undefined where a rule makes it so.
 */
export function portsNote(
  rules: readonly { readonly tags: readonly string[] }[],
): string | undefined {
  if (rules.some(({ tags }) => tags.includes(OPEN_PORT_TAG))) return undefined;
  return `no rule has the tag ${OPEN_PORT_TAG}: ports that open are neither reported nor examined; ours do both: --rules ${SHIPPED_RULES} before the others`;
}
