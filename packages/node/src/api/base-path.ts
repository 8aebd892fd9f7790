/** All routes are below this (06). */
export const BASE_PATH = '/api/codex/v1';
