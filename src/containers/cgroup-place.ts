/**
 * The control groups that a runtime means by the OCI specification's `linux.cgroupsPath`: a path
 * from the root, or `SLICE:PREFIX:NAME` for systemd (runc's docs/systemd.md), which becomes a path
 * of its own where systemd is not there. `manager` is where the user's systemd has its groups.
 */
export function placesOf(cgroupsPath: string, manager = ""): readonly string[] {
  if (cgroupsPath === "") return [];
  const [slice, prefix, name, ...more] = cgroupsPath.split(":");
  const isPath = cgroupsPath.startsWith("/") && !cgroupsPath.startsWith("/:");
  if (
    isPath ||
    slice === undefined ||
    prefix === undefined ||
    name === undefined ||
    more.length > 0
  )
    return [absolute(cgroupsPath)];
  const unit = name.endsWith(".slice") ? name : `${prefix === "" ? "" : `${prefix}-`}${name}.scope`;
  const parent = slice === "" ? (manager === "" ? "system.slice" : "user.slice") : slice;
  return [`${manager}${expandedSlice(parent)}/${unit}`, absolute(cgroupsPath)];
}

/** `a-b.slice` lies in `a.slice` (systemd.slice(5)). */
function expandedSlice(slice: string): string {
  if (slice.includes("/") || !slice.endsWith(".slice")) return absolute(slice);
  const parts = slice.slice(0, -".slice".length).split("-");
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("-")}.slice`).join("");
}

function absolute(path: string): string {
  return `/${path
    .split("/")
    .filter((name) => name !== "")
    .join("/")}`;
}
