import type { Method, Route } from '../call.ts';
import { HttpError } from '../respond.ts';

/** The routes of 06 §4. Without persistence each answers 503, before any look at path or body. */
const ROUTES: readonly (readonly [Method, string, string])[] = [
  ['GET', '/sales/slots', 'listSlots'],
  ['GET', '/sales/slots/:slotId', 'getSlot'],
  ['GET', '/sales/availability', 'listAvailabilities'],
  ['POST', '/sales/availability', 'createAvailability'],
  ['PATCH', '/sales/availability/:id', 'updateAvailability'],
  ['GET', '/sales/availability/:id/reservations', 'listReservations'],
  ['POST', '/storage/request/:cid', 'requestStorage'],
  ['GET', '/storage/purchases', 'listPurchases'],
  ['GET', '/storage/purchases/:id', 'getPurchase'],
];

export function marketplaceRoutes(): Route[] {
  const handle = () => {
    throw new HttpError(503, 'Persistence is not enabled');
  };
  return ROUTES.map(([method, path, doc]) => ({ method, path, doc, handle }));
}
