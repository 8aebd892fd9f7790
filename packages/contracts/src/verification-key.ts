import { ContractsError } from './errors.ts';

/** An affine point; undefined is the point at infinity, which no part of a key may be. */
export type G1 = { readonly x: bigint; readonly y: bigint } | undefined;

interface Fp2 {
  readonly real: bigint;
  readonly imaginary: bigint;
}

export type G2 = { readonly x: Fp2; readonly y: Fp2 } | undefined;

/** A Groth16 key of the storage circuit: three public signals, so four points in `ic` (11 §5.2). */
export interface VerificationKey {
  readonly alpha: G1;
  readonly beta: G2;
  readonly gamma: G2;
  readonly delta: G2;
  readonly ic: readonly G1[];
}

const SIGNALS = 3;

function g1(point: G1) {
  if (!point) throw new ContractsError('VERIFICATION_KEY_INVALID', 'A point of the key is at infinity');
  return point;
}

function g2(point: G2) {
  if (!point) throw new ContractsError('VERIFICATION_KEY_INVALID', 'A point of the key is at infinity');
  const pair = ({ real, imaginary }: Fp2) => ({ real, imag: imaginary });
  return { x: pair(point.x), y: pair(point.y) };
}

/** The key as the verifier's constructor takes it. Error: `VERIFICATION_KEY_INVALID`. */
export function verifierArguments(key: VerificationKey) {
  if (key.ic.length !== SIGNALS + 1) {
    throw new ContractsError('VERIFICATION_KEY_INVALID', `A key of ${SIGNALS} public signals is needed`, {
      signals: key.ic.length - 1,
    });
  }
  const [ic0, ic1, ic2, ic3] = key.ic;
  return {
    alpha: g1(key.alpha),
    beta: g2(key.beta),
    gamma: g2(key.gamma),
    delta: g2(key.delta),
    ic: [g1(ic0), g1(ic1), g1(ic2), g1(ic3)] as const,
  };
}

/** The key of the reference's hardhat and localhost networks (11 §5.5), of `networkConfig('hardhat')`'s zkey hash. */
export const HARDHAT_VERIFICATION_KEY: VerificationKey = {
  alpha: {
    x: 20491192805390485299153009773594534940189261866228447918068658471970481763042n,
    y: 9383485363053290200918347156157836566562967994039712273449902621266178545958n,
  },
  beta: {
    x: {
      real: 6375614351688725206403948262868962793625744043794305715222011528459656738731n,
      imaginary: 4252822878758300859123897981450591353533073413197771768651442665752259397132n,
    },
    y: {
      real: 10505242626370262277552901082094356697409835680220590971873171140371331206856n,
      imaginary: 21847035105528745403288232691147584728191162732299865338377159692350059136679n,
    },
  },
  gamma: {
    x: {
      real: 10857046999023057135944570762232829481370756359578518086990519993285655852781n,
      imaginary: 11559732032986387107991004021392285783925812861821192530917403151452391805634n,
    },
    y: {
      real: 8495653923123431417604973247489272438418190587263600148770280649306958101930n,
      imaginary: 4082367875863433681332203403145435568316851327593401208105741076214120093531n,
    },
  },
  delta: {
    x: {
      real: 3431611495862121747865613070227194870328323956412989443038622984801922101560n,
      imaginary: 1839332345901382467668376261123176838724068493614256702976446713083234015641n,
    },
    y: {
      real: 4267694917739299737209021244200092851467599237028086467255985366439671917679n,
      imaginary: 14005704598922119245150389324584568926199987543485693236347173598336567030859n,
    },
  },
  ic: [
    {
      x: 11919420103024546168896650006162652130022732573970705849225139177428442519914n,
      y: 17747753383929265689844293401689552935018333420134132157824903795680624926572n,
    },
    {
      x: 13158415194355348546090070151711085027834066488127676886518524272551654481129n,
      y: 18831701962118195025265682681702066674741422770850028135520336928884612556978n,
    },
    {
      x: 20882269691461568155321689204947751047717828445545223718893788782534717197527n,
      y: 11996193054822748526485644723594571195813487505803351159052936325857690315211n,
    },
    {
      x: 18155166643053044822201627105588517913195535693446564472247126736722594445000n,
      y: 13816319482622393060406816684195314200198627617641073470088058848129378231754n,
    },
  ],
};
