import type { NatSetting } from '../config/index.ts';
import { PmpMapper } from './pmp.ts';
import type { PortMapper } from './port-mapper.ts';
import { UpnpMapper } from './upnp.ts';

/** The ways to a gateway that a `nat` mode allows, in the order of the reference (07 §2). */
export function portMappers(mode: NatSetting['mode']): readonly PortMapper[] {
  return [
    ...(mode === 'any' || mode === 'upnp' ? [new UpnpMapper()] : []),
    ...(mode === 'any' || mode === 'pmp' ? [new PmpMapper()] : []),
  ];
}
