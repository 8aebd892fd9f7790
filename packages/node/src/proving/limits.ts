/** The most samples that the sources of the circuit take. */
export const SAMPLES_MAX = 127;

/** The slots that a dataset has at most (11 §1). */
export const SLOTS_MAX = 256;
