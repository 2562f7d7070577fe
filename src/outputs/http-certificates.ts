import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../lib/errno.ts";

/** Which certificates a connection trusts and shows. */
export interface CertificateOptions {
  readonly caCert: string;
  readonly caBundle: string;
  readonly caPath: string;
  readonly mtls: boolean;
  readonly clientCert: string;
  readonly clientKey: string;
}

/** The system's authorities, and no certificate of our own. */
export const SYSTEM_CERTIFICATES: CertificateOptions = {
  caCert: "",
  caBundle: "",
  caPath: "/etc/ssl/certs",
  mtls: false,
  clientCert: "",
  clientKey: "",
};

interface Certificates {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What Debian's and Red Hat's tools put all authorities into. */
const BUNDLES: readonly string[] = ["ca-certificates.crt", "ca-bundle.crt"];

/**
 * The files' contents, by Falco's precedence: ca_cert, else ca_bundle, else ca_path. Without any,
 * Node's own authorities. Throws with the path of a file that is asked for and cannot be read.
 */
export async function certificatesOf(options: CertificateOptions): Promise<Certificates> {
  const { caCert, caBundle, caPath, mtls, clientCert, clientKey } = options;
  const file = caCert === "" ? caBundle : caCert;
  const ca = file === "" ? await authoritiesIn(caPath) : await readFile(file, "utf8");
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(mtls
      ? { cert: await readFile(clientCert, "utf8"), key: await readFile(clientKey, "utf8") }
      : {}),
  };
}

async function authoritiesIn(folder: string): Promise<string | undefined> {
  const names = await namesIn(folder);
  const bundle = BUNDLES.find((name) => names.includes(name));
  const chosen =
    bundle === undefined ? names.filter((name) => /\.(pem|crt)$/.test(name)) : [bundle];
  const texts = await Promise.all(chosen.map((name) => readFile(join(folder, name), "utf8")));
  return texts.length === 0 ? undefined : texts.join("\n");
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return folder === "" ? [] : await readdir(folder);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return [];
    throw thrown;
  }
}
