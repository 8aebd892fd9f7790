/** The codes that the REST API throws; to clients they appear as a status and a text. `NODE_ERRORS` includes them. */
export const API_ERRORS = {
  BODY_TRUNCATED: 'the client closed the connection before the end of its upload',
  BODY_STALLED: 'an upload brought no byte for too long',
  CLIENT_STALLED: 'a client took no byte of its download for too long',
  FETCH_TIMEOUT: 'nobody delivered the requested data within the time for one request',
  CODING_ABANDONED: 'nobody waits any more for a dataset to be protected, repaired or cut into slots',
  CODING_LIMIT: 'too many datasets wait to be protected, repaired or cut into slots',
  API_STOPPED: 'the REST API stops while a request is under way',
} as const;
