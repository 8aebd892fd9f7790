import { type G1Point, type G2Point, g1, g2 } from '@codex/bn254';
import { defineJob } from '@codex/compute';
import type { ToxicWaste } from './toxic-waste.ts';

export interface HeaderPoints {
  readonly alphaG1: G1Point;
  readonly betaG1: G1Point;
  readonly betaG2: G2Point;
  readonly deltaG1: G1Point;
  readonly deltaG2: G2Point;
}

/** The points of a key that are made from one secret each: so few that the kernels' tables would cost more. */
export const makeHeaderPoints = defineJob(import.meta.url, 'makeHeaderPoints', (waste: ToxicWaste): HeaderPoints => {
  const { alpha, beta, delta } = waste;
  return {
    alphaG1: g1.multiply(g1.generator, alpha),
    betaG1: g1.multiply(g1.generator, beta),
    betaG2: g2.multiply(g2.generator, beta),
    deltaG1: g1.multiply(g1.generator, delta),
    deltaG2: g2.multiply(g2.generator, delta),
  };
});
