/**
 * Runs a script that was packed into this one-file program, with the code that the compiler made of
 * it when it was packed. Its source alone starts threads (`start-thread.ts`), so it may name nothing
 * of this file.
 */
export function runEmbedded(name: string): void {
  const { getAssetKeys, getRawAsset } = process.getBuiltinModule("node:sea");
  const { Script } = process.getBuiltinModule("node:vm");
  const cache = `${name}.cache`;
  // The packer leaves ASCII alone in it: a byte a character.
  const script = new Script(Buffer.from(getRawAsset(`${name}.js`)).toString("latin1"), {
    filename: `saker/${name}.js`,
    ...(getAssetKeys().includes(cache) ? { cachedData: Buffer.from(getRawAsset(cache)) } : {}),
  });
  const run = script.runInThisContext() as (require: (id: string) => unknown) => void;
  run(process.getBuiltinModule);
}
