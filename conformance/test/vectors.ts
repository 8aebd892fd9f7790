import { readFileSync } from 'node:fs';

export interface UploadVector {
  readonly seed: string;
  readonly size: number;
  readonly filename: string | null;
  readonly mimetype: string | null;
  readonly manifestCid: string;
  readonly sha256: string;
}

/** Uploads to a reference node and the CIDs that it answered (nim-codex, commit bd360322). */
export const uploadVectors = (
  JSON.parse(readFileSync(new URL('./vectors/uploads.json', import.meta.url), 'utf8')) as { files: UploadVector[] }
).files;
