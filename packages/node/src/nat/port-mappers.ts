import type { NatSetting } from '../config/index.ts';
import type { PortMapper } from './port-mapper.ts';

/** The ways to a gateway that a `nat` mode allows, in the order of the reference (07 §2). */
export function portMappers(_mode: NatSetting['mode']): readonly PortMapper[] {
  return [];
}
