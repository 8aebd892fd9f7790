import { describe, expect, it } from 'vitest';
import { useNodes, vectorContent } from './node.ts';
import { uploadVectors } from './vectors.ts';

describe('uploads that a reference node has answered', () => {
  const { api } = useNodes(1);

  it.each(uploadVectors)('$size bytes as $filename get the CID $manifestCid', async (vector) => {
    const headers: Record<string, string> = {};
    if (vector.filename) headers['Content-Disposition'] = `attachment; filename="${vector.filename}"`;
    if (vector.mimetype) headers['Content-Type'] = vector.mimetype;
    const body = vectorContent(vector.seed, vector.size);
    const stored = await fetch(`${api()}/data`, { method: 'POST', headers, body: new Uint8Array(body) });
    expect([stored.status, (await stored.text()).trim()]).toEqual([200, vector.manifestCid]);
    const back = await fetch(`${api()}/data/${vector.manifestCid}`);
    expect(Buffer.from(await back.arrayBuffer()).equals(body)).toBe(true);
  });
});
