/** An image's name taken apart. Parts that it does not have are empty. */
export interface ImageName {
  /** With registry and port: `registry:5000/a/b`. */
  readonly repository: string;
  readonly tag: string;
  /** `sha256:…` */
  readonly digest: string;
}

/**
 * Splits `[registry[:port]/]path[:tag][@digest]` (distribution's reference grammar). Without tag
 * and digest the tag is `latest`, as Docker takes it. A bare image id has no repository.
 */
export function splitImageName(name: string): ImageName {
  if (/^(sha256:)?[0-9a-f]{64}$/.test(name)) return { repository: "", tag: "", digest: "" };
  const at = name.indexOf("@");
  const digest = at < 0 ? "" : name.slice(at + 1);
  const rest = at < 0 ? name : name.slice(0, at);
  // A colon before the last slash belongs to the registry's port.
  const colon = rest.indexOf(":", rest.lastIndexOf("/") + 1);
  if (colon >= 0) return { repository: rest.slice(0, colon), tag: rest.slice(colon + 1), digest };
  return { repository: rest, tag: digest === "" && rest !== "" ? "latest" : "", digest };
}
