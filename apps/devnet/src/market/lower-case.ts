import type { Hex } from 'viem';

/** Addresses are compared as they are written by machines. */
export const lowerCase = (address: Hex): Hex => address.toLowerCase() as Hex;
