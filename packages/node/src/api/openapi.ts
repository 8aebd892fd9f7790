import type { Route } from './call.ts';
import { JSON_TYPE, respond } from './respond.ts';

/** Placeholder until the document is generated. */
export function openApiRoute(_routes: readonly Route[]): Route {
  return { method: 'GET', path: '/openapi.json', handle: ({ res }) => respond(res, 200, JSON_TYPE, '{}') };
}
