import { homedir } from "node:os";

/** The user's folder; `/` where there is neither `HOME` nor an account, as in an empty image. */
export function homeFolder(): string {
  try {
    return homedir();
  } catch {
    return "/";
  }
}
