import { createHash } from 'node:crypto';
import type { Random } from '@codex/runtime';
import { expect } from 'vitest';
import type { NetworkNode } from '../src/index.ts';
import { anyLength, Content, spaceOf } from './crash-content.ts';
import { ask } from './http.ts';

/** What one node acknowledged, and what it was asked for and has not answered: the truth that it is held against. */
export class Ledger {
  readonly node: NetworkNode;
  /** Uploads that were answered with 200 and a CID, by CID. */
  readonly held = new Map<string, Content>();
  /** Uploads without an answer, by digest: may be there whole, or not at all. */
  readonly begun = new Map<string, Content>();
  /** Deletions without an answer. */
  readonly leaving = new Map<string, Content>();
  /** Deletions that were answered. */
  readonly gone = new Set<string>();

  readonly #used = new Set<string>();
  /** The node is to be dead, or is: its requests may break off. */
  #killed = false;

  constructor(node: NetworkNode) {
    this.node = node;
  }

  /** Kills the node as a power cut would. */
  async kill(): Promise<void> {
    this.#killed = true;
    await this.node.kill();
  }

  /** Starts the node again; resolves with the time that it took, in ms. */
  async restart(): Promise<number> {
    const began = performance.now();
    await this.node.start();
    this.#killed = false;
    return performance.now() - began;
  }

  /** Uploads one file. Rejects when the node dies over it. */
  async upload(random: Random, length: number): Promise<{ cid: string; content: Content }> {
    const { content, bytes } = this.#fresh(random, length);
    this.begun.set(content.sha256, content);
    const answer = await ask(this.node.url, { method: 'POST', path: '/data', body: bytes });
    expect(answer.status, answer.body.toString()).toBe(200);
    const cid = answer.body.toString();
    this.begun.delete(content.sha256);
    this.held.set(cid, content);
    return { cid, content };
  }

  /** A content that this node was never given: there are only 256 of 1 byte, and one that was deleted may not come back. */
  #fresh(random: Random, length: number): { content: Content; bytes: Buffer } {
    for (let attempt = 0; ; attempt++) {
      const made = Content.make(random, length + (attempt >> 4));
      if (this.#used.has(made.content.sha256)) continue;
      this.#used.add(made.content.sha256);
      return made;
    }
  }

  /** Deletes a dataset that was acknowledged. Rejects when the node dies over it. */
  async delete(cid: string): Promise<void> {
    const content = this.held.get(cid);
    if (!content) throw new Error(`${cid} is not held`);
    this.held.delete(cid);
    this.leaving.set(cid, content);
    const answer = await ask(this.node.url, { method: 'DELETE', path: `/data/${cid}` });
    expect(answer.status).toBe(204);
    this.leaving.delete(cid);
    this.gone.add(cid);
  }

  /** Uploads, and now and then deletes, until the node dies. Resolves with how many requests it answered. */
  async churn(random: Random, maxBytes: number, spared: string): Promise<number> {
    for (let answered = 0; ; answered++) {
      const cids = [...this.held.keys()].filter((cid) => cid !== spared);
      const request =
        cids.length > 2 && random.int(3) === 0
          ? this.delete(cids[random.int(cids.length)]!)
          : this.upload(random, anyLength(random, maxBytes));
      try {
        await request;
      } catch (error) {
        if (!this.#killed) throw error;
        return answered;
      }
    }
  }

  /**
   * Holds the list of a node that was killed against what it acknowledged, and reads everything back. What had no answer
   * becomes certain. Datasets of `fetching` may be there in parts.
   */
  async settle(fetching: ReadonlySet<string> = new Set()): Promise<void> {
    const listed = new Set((await this.node.rest.list()).map((item) => item.cid));
    for (const cid of this.held.keys()) expect(listed, 'an acknowledged upload is listed').toContain(cid);
    for (const cid of this.gone) expect(listed, 'an acknowledged deletion stays').not.toContain(cid);
    for (const cid of this.gone) expect(await this.node.rest.exists(cid)).toBe(false);
    for (const cid of listed) {
      if (fetching.has(cid)) continue;
      const known = this.held.get(cid) ?? this.leaving.get(cid);
      const what = this.held.has(cid)
        ? 'an acknowledged upload'
        : known
          ? 'a begun deletion'
          : 'an upload without answer';
      const found = await read(this.node, cid);
      const content = known ?? this.begun.get(found.sha256);
      const whole = { status: 200, length: content?.length, sha256: content?.sha256 };
      expect(found, `${cid}, ${what}, reads back`).toEqual(whole);
      this.held.set(cid, content!);
    }
    this.begun.clear();
    for (const cid of this.leaving.keys()) if (!listed.has(cid)) this.gone.add(cid);
    this.leaving.clear();
  }

  /** Nothing may take room but what is listed. */
  async expectSpace(): Promise<void> {
    const space = async () => JSON.parse((await ask(this.node.url, { path: '/space' })).body.toString());
    await expect.poll(space).toMatchObject({ ...spaceOf(this.held.values()), quotaReservedBytes: 0 });
  }
}

/** Status, length and digest of a dataset, read from the node's own disk. */
async function read(node: NetworkNode, cid: string): Promise<{ status: number; length: number; sha256: string }> {
  const hash = createHash('sha256');
  let length = 0;
  const { status } = await ask(node.url, {
    path: `/data/${cid}`,
    onData: (piece) => {
      hash.update(piece);
      length += piece.length;
    },
  });
  return { status, length, sha256: hash.digest('hex') };
}
