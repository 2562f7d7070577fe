/** So often at most somebody is asked who is late. */
const TRIES = 3;

/** Asks again where an answer was late: the machine may be busy. Who hangs is soon asked no more. */
export async function patiently<T>(
  ask: () => Promise<T>,
  isLate: (error: unknown) => boolean,
): Promise<T> {
  for (let left = TRIES - 1; ; left -= 1) {
    try {
      return await ask();
    } catch (error) {
      if (!isLate(error) || left === 0) throw error;
    }
  }
}
