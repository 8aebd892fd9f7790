import type { Route } from './call.ts';

/** How OPTIONS is answered on one path. */
export interface Preflight {
  readonly path: string;
  readonly status: 200 | 204;
  /** What stands before `, OPTIONS` in Access-Control-Allow-Methods. */
  readonly methods: string;
  readonly corsHeaders: Readonly<Record<string, string>>;
}

/** The three that the reference answers itself (06 §1); all others are answered by its framework with 200. */
const EXPLICIT: readonly Preflight[] = [
  {
    path: '/data',
    status: 204,
    methods: 'POST',
    corsHeaders: { 'Access-Control-Allow-Headers': 'content-type, content-disposition' },
  },
  // The reference names no headers here; without them a browser could not ask for a part of a file.
  {
    path: '/data/:cid',
    status: 204,
    methods: 'GET,DELETE',
    corsHeaders: { 'Access-Control-Allow-Headers': 'range, if-range, if-none-match' },
  },
  {
    path: '/sales/availability/:id',
    status: 204,
    methods: 'PATCH',
    corsHeaders: { 'Access-Control-Allow-Headers': 'content-type' },
  },
];

export function preflights(routes: readonly Route[]): Preflight[] {
  const paths = new Map<string, string[]>();
  for (const { path, method } of routes) {
    if (method !== 'HEAD') paths.set(path, [...(paths.get(path) ?? []), method]);
  }
  return [...paths].map(
    ([path, methods]) =>
      EXPLICIT.find((preflight) => preflight.path === path) ?? {
        path,
        status: 200,
        methods: methods.join(','),
        corsHeaders: {
          'Access-Control-Allow-Headers': 'content-type, idempotency-key, range, if-range, if-none-match',
        },
      },
  );
}
