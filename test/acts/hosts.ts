import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ACT, as, connection } from "./props.ts";
import { type Act, AFAR, SELF } from "./stage.ts";

const self = { parent: SELF };

/** Acts of the rules of the incubating and sandbox files that are played on the host. */
export const HOSTS: Readonly<Record<string, Act>> = {
  "a shell's settings": {
    rules: ["Modify Shell Configuration File"],
    tells: {
      ...self,
      file: /\S+\/\.bashrc/,
      process: "cp",
      command: /cp \/dev\/null \S+\/\.bashrc/,
    },
    run: (stage) => stage.run("cp", "/dev/null", join(stage.folder, ".bashrc")),
  },
  "a database that starts a program": {
    rules: ["DB program spawned process"],
    tells: { process: "true", parent: "mysqld", command: "true" },
    run: as("mysqld", "/bin/true; true"),
  },
  "a shell that connects": {
    rules: ["System procs network activity"],
    tells: { ...self, ...connection(AFAR, 80), process: "bash" },
    run: (stage) => stage.afar("bash", "-c", `exec 3<>/dev/tcp/${AFAR}/80`),
  },
  datagrams: {
    rules: ["Unexpected UDP Traffic"],
    tells: { ...self, ...connection(AFAR, 5000, "udp"), proc_exepath: process.execPath },
    run: (stage) => stage.afar(process.execPath, ACT, "datagrams", AFAR),
  },
  "a download through a proxy": {
    rules: ["Program run with disallowed http proxy env"],
    tells: { ...self, process: "curl", env: /.*\bHTTP_PROXY=http:\/\/proxy\b.*/ },
    run: (stage) => stage.run("env", "HTTP_PROXY=http://proxy", stage.as("curl"), "/dev/null"),
  },
  "a setting of the loader": {
    rules: ["Potential Local Privilege Escalation via Environment Variables Misuse"],
    tells: { ...self, process: "true", env: /.*\bGLIBC_TUNABLES=x\b.*/ },
    run: (stage) => stage.run("env", "GLIBC_TUNABLES=x", "/bin/true"),
  },
  "a user that changes itself": {
    rules: ["Non sudo setuid"],
    tells: { ...self, user: "daemon", user_uid: "1", arg_uid: "daemon" },
    run: (stage) => stage.run(process.execPath, ACT, "another-user"),
  },
  "a user's account": {
    rules: ["User mgmt binaries"],
    tells: { ...self, process: "usermod", gparent: /.+/ },
    run: as("usermod", "true"),
  },
  "a network scanner": {
    rules: ["Launch Suspicious Network Tool on Host"],
    tells: { ...self, process: "nmap" },
    run: as("nmap", "true"),
  },
  "a shell's history": {
    rules: ["Delete or rename shell history"],
    tells: { ...self, process: "rm", command: /rm \S+\/fish_history/ },
    run: (stage) => {
      const path = join(stage.folder, "fish_history");
      writeFileSync(path, "");
      stage.run("rm", path);
    },
  },
  "a program that runs as its owner": {
    rules: ["Set Setuid or Setgid bit"],
    tells: { ...self, process: "chmod", filename: /\S+\/owner/, mode: /\S*\bS_ISUID\b\S*/ },
    run: (stage) => {
      const path = join(stage.folder, "owner");
      writeFileSync(path, "");
      stage.run("chmod", "u+s", path);
    },
  },
  "a namespace that is joined": {
    rules: ["Change thread namespace"],
    tells: { ...self, proc_exepath: process.execPath, command: /.* namespace/ },
    run: (stage) => stage.run(process.execPath, ACT, "namespace"),
  },
  "a library with a back door": {
    rules: ["Backdoored library loaded into SSHD (CVE-2024-3094)"],
    tells: { ...self, process: "sshd", file: /\S+\/liblzma\.so\.5\.6\.1/ },
    run: (stage) => {
      const path = join(stage.folder, "liblzma.so.5.6.1");
      writeFileSync(path, "");
      stage.run(stage.as("sshd"), "-c", `read x < ${path}`);
    },
  },
  "an odd sudo": {
    rules: ["Sudo Potential Privilege Escalation"],
    tells: { ...self, process: "sudoedit", command: /sudoedit -c true -s \\/ },
    run: (stage) => stage.run(stage.as("sudoedit"), "-c", "true", "-s", "\\"),
  },
  "an odd pkexec": {
    rules: ["Polkit Local Privilege Escalation Vulnerability (CVE-2021-4034)"],
    tells: { ...self, process: "pkexec", args: "" },
    run: (stage) => stage.run(stage.as("pkexec")),
  },
  "page faults that a program handles": {
    rules: ["Unprivileged Delegation of Page Faults Handling to a Userspace Process"],
    tells: { ...self, user: "daemon", user_uid: "1", proc_exepath: process.execPath },
    run: (stage) => stage.run(process.execPath, ACT, "page-faults"),
  },
  "a miner's words": {
    rules: ["Detect crypto miners using the Stratum protocol"],
    tells: { ...self, process: "true", command: `true stratum+tcp://${AFAR}:3333` },
    run: (stage) => stage.run("true", `stratum+tcp://${AFAR}:3333`),
  },
  "a known miner": {
    rules: ["Known Cryptominer Process Executed"],
    tells: { ...self, process: "xmrig", exe: /\S+\/as\/xmrig/ },
    run: as("xmrig", "true"),
  },
  "a web server's shell": {
    rules: ["Web Server Spawned Shell"],
    tells: { shell: "sh", web_server: "php-fpm", gparent: SELF, command: "sh -c true; true" },
    run: as("php-fpm", "/bin/sh -c 'true; true'; true"),
  },
  "a web server's question who it is": {
    rules: ["Web Server Spawned Suspicious Child Process"],
    tells: { child: "id", web_server: "nginx", gparent: SELF, command: "id" },
    run: as("nginx", "id; true"),
  },
  "a web server's way back": {
    rules: ["Reverse Shell from Web Server"],
    tells: { process: "true", web_server: "nginx", command: `true nc -e ${AFAR}` },
    run: as("nginx", `/bin/true nc -e ${AFAR}; true`),
  },
};
