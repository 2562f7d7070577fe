/** Deepest chain of ancestors that is walked: a loop of pids (a reused one) must end. */
export const MAX_ANCESTORS = 64;
