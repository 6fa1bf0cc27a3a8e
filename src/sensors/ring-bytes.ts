/** Default size of the bulk ring between kernel and engine. */
export const RING_BYTES = 8 << 20;

/** Of the other: some hundred execs with much environment, or two thousand ordinary ones, while the reader is held up. */
export const PRIORITY_RING_BYTES = 4 << 20;
