import type { Scene } from "./scene.ts";

/**
 * Reads a value once for all who ask for it on one event. For values that cost an allocation, a
 * walk or many comparisons; hot, so it keeps nothing but the last one.
 */
export function perEvent<Value>(read: (scene: Scene) => Value): (scene: Scene) => Value {
  let generation = -1;
  let value: Value;
  return (scene) => {
    if (scene.generation !== generation || generation < 0) {
      value = read(scene);
      // Scenes without a number (of tests) are read anew each time.
      generation = scene.generation ?? -1;
    }
    return value;
  };
}
