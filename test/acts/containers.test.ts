import { after, before, describe, test } from "node:test";
import { type Act, actsMissing, Stage } from "./stage.ts";

// The container rules of the incubating and sandbox files that can be met without a cluster, a cloud or a privileged container.

const FILES = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];

describe("acts of the official container rules beyond the stable ones", { skip: actsMissing() ?? false }, () => {
  const stage = new Stage();
  before(() => stage.open(FILES, ["/usr/bin/apk", "/usr/bin/scp", "/usr/bin/kubectl"]));
  after(() => stage.close());

  const inAct = (...command: string[]) => (): unknown => stage.inside("act", ...command);
  const ACTS: Readonly<Record<string, Act>> = {
    "a network tool": { rules: ["Launch Suspicious Network Tool in Container"], tells: [/process=nc /, /container_name=act/], run: inAct("/bin/nc", "--help") },
    "a package manager": { rules: ["Launch Package Management Process in Container"], tells: [/process=apk /, /container_name=act/], run: inAct("/usr/bin/apk") },
    "a remote copy": { rules: ["Launch Remote File Copy Tools in Container"], tells: [/process=scp /, /container_name=act/], run: inAct("/usr/bin/scp") },
    "a download": { rules: ["Launch Ingress Remote File Copy Tools in Container"], tells: [/process=wget /, /container_name=act/], run: inAct("/bin/wget", "--help") },
    "a cluster's client": { rules: ["Kubernetes Client Tool Launched in Container"], tells: [/process=kubectl /, /container_name=act/], run: inAct("/usr/bin/kubectl") },
    "a payload that is decoded": { rules: ["Decoding Payload in Container"], tells: [/process=base64 /, /container_name=act/], run: inAct("/bin/base64", "-d", "/dev/null") },
    "another's environment": { rules: ["Read environment variable from /proc files"], tells: [/file=\/proc\/1\/environ /, /process=cat /, /container_name=act/], run: inAct("/bin/cat", "/proc/1/environ") },
    "a disk": {
      // What is made there first is told by the rule before it.
      rules: ["Privileged Container Device Access", "Create files below dev"],
      tells: [/\/dev\/sdzz /, /container_name=act/],
      run: async () => {
        await stage.inside("act", "/bin/dd", "if=/dev/zero", "of=/dev/sdzz", "count=1");
        await stage.inside("act", "/bin/dd", "if=/dev/sdzz", "of=/dev/null", "count=1");
      },
    },
    "a host's folder": { rules: ["Container Access to Host Sensitive Paths"], tells: [/\/host\/x /, /container_name=act/], run: async () => {
      await stage.inside("act", "/bin/mkdir", "-p", "/host");
      await stage.inside("act", "/bin/dd", "if=/dev/zero", "of=/host/x", "count=1");
    } },
    "a container with too many rights": { rules: ["Launch Excessively Capable Container"], tells: [/process=true /, /container_name=able/], run: () => stage.start("--name", "able", "--cap-add", "SYS_ADMIN") },
    "a container with the host's files": { rules: ["Launch Sensitive Mount Container"], tells: [/process=true /, /container_name=mounted/], run: () => stage.start("--name", "mounted", "-v", "/proc:/mnt:ro") },
    "files that are carried away": { rules: ["Exfiltrating Artifacts via Kubernetes Control Plane"], tells: [/process=tar /, /container_name=act/], run: inAct("/bin/tar", "c", "-f", "/dev/null", "/bin/busybox") },
  };

  for (const [name, act] of Object.entries(ACTS)) test(`${name}: ${act.rules.join(", ")}`, () => stage.play(act));
});
