/** How many times longer things take than on a machine: a guest is emulated. */
export const SLOWNESS = process.env.RINGFENCE_GUEST === undefined ? 1 : 10;
