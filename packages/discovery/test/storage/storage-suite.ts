import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DiscoveryStorage, StoredEntry } from '../../src/storage/storage.ts';

export interface StorageSetup {
  readonly storage: DiscoveryStorage;
  /** Opens the same storage again, after it was closed. */
  reopen?(): Promise<DiscoveryStorage>;
  teardown(): Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);

export async function readAll(storage: DiscoveryStorage): Promise<[string, string][]> {
  const all: StoredEntry[] = [];
  for await (const page of storage.entries()) all.push(...page);
  return all.map(([key, value]) => [Buffer.from(key).toString(), Buffer.from(value).toString()]);
}

/** What every storage of discovery does. */
export function storageSuite(name: string, setup: () => Promise<StorageSetup>): void {
  describe(`storage: ${name}`, () => {
    let made: StorageSetup;
    beforeEach(async () => {
      made = await setup();
    });
    afterEach(() => made.teardown());

    it('is empty at first', async () => {
      expect(await readAll(made.storage)).toEqual([]);
    });

    it('gives back what was written, in the order of the keys', async () => {
      const { storage } = made;
      await storage.write([
        [bytes('b'), bytes('2')],
        [Uint8Array.of(0xff, 1), bytes('last')],
        [bytes('a'), bytes('1')],
        [bytes('ab'), bytes('3')],
      ]);
      const entries = await readAll(storage);
      expect(entries.map(([, value]) => value)).toEqual(['1', '3', '2', 'last']);
    });

    it('takes later changes over earlier ones, deletions too', async () => {
      const { storage } = made;
      await storage.write([
        [bytes('a'), bytes('1')],
        [bytes('b'), bytes('1')],
      ]);
      await storage.write([
        [bytes('a'), undefined],
        [bytes('b'), bytes('2')],
        [bytes('none'), undefined],
      ]);
      expect(await readAll(storage)).toEqual([['b', '2']]);
    });

    it('keeps copies', async () => {
      const { storage } = made;
      const [key, value] = [bytes('key'), bytes('value')];
      const written = storage.write([[key, value]]);
      key.fill(0);
      value.fill(0);
      await written;
      expect(await readAll(storage)).toEqual([['key', 'value']]);
    });

    it('takes thousands of entries, in pages', async () => {
      const { storage } = made;
      const name = (i: number) => String(i).padStart(5, '0');
      await storage.write(Array.from({ length: 3000 }, (_, i) => [bytes(name(i)), bytes(`value ${i}`)] as const));
      const entries = await readAll(storage);
      expect(entries.map(([key]) => key)).toEqual(Array.from({ length: 3000 }, (_, i) => name(i)));
    });

    it('takes nothing, and closes twice', async () => {
      await made.storage.write([]);
      await made.storage.close();
      await made.storage.close();
    });

    it('has it all after it was closed and opened', async () => {
      if (!made.reopen) return;
      await made.storage.write([[bytes('a'), bytes('1')]]);
      await made.storage.close();
      expect(await readAll(await made.reopen())).toEqual([['a', '1']]);
    });
  });
}
