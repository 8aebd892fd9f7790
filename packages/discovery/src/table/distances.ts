import { logDistance, type NodeId } from '../identity/node-id.ts';

/** Of ids that differ in their first bit. */
export const DISTANCE_MAX = 256;
/** Distances that one FINDNODE asks for (05 §7). */
const DISTANCES_ASKED = 3;

/** The log-distances at which `asked` may know nodes near `target`: the likeliest first, then its neighbours outwards. */
export function lookupDistances(target: NodeId, asked: NodeId): number[] {
  const centre = logDistance(target, asked);
  const distances = [centre];
  for (let step = 1; distances.length < DISTANCES_ASKED; step++) {
    if (centre + step <= DISTANCE_MAX) distances.push(centre + step);
    if (centre - step > 0) distances.push(centre - step);
  }
  return distances.slice(0, DISTANCES_ASKED);
}
