import type { Address } from '../marketplace.ts';

/** Marketplaces by chain id, as the reference's clients know them (12 §8). */
export const MARKETPLACES: Readonly<Record<number, Address>> = {
  31337: '0x322813fd9a801c5507c9de605d63cea4f2ce6c44',
  167005: '0x948cf9291b77bd7ad84781b9047129addf1b894f',
  789987: '0x5378a4ea5da2a548ce22630a3ae74b052000c62d',
  1660990954: '0x34f606c65869277f236ce07abe9af0b8c88f486b',
};
