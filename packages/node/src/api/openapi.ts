import type { Route } from './call.ts';
import { JSON_TYPE, respond } from './respond.ts';

/**
 * `GET /openapi.json`: the document that describes the other routes. It is built when it is first asked for: the schema
 * library alone takes longer to load than the whole API.
 */
export function openApiRoute(routes: readonly Route[], version: string): Route {
  let document: Promise<string> | undefined;
  return {
    method: 'GET',
    path: '/openapi.json',
    async handle({ res }) {
      document ??= import('./openapi-document.ts').then(async ({ buildOpenApi }) =>
        JSON.stringify(await buildOpenApi(routes, version)),
      );
      respond(res, 200, JSON_TYPE, await document);
    },
  };
}
