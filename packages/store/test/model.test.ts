import { blockCid, type DatasetRef, type ManifestCid, manifestCidOf, type Repository, sha256 } from '@codex/content';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type DiskRepository, MemoryRepository } from '../src/index.ts';
import { BLOCK, bytesOf, listed, type MadeDataset, makeDataset, readAll, upload } from './content.ts';
import { expectSound, openDisk, withDirectory } from './disk-helpers.ts';

/** Few different blocks, so that datasets share many of them. */
const POOL = Array.from({ length: 12 }, (_, i) => bytesOf(1000 + i, BLOCK));
const CONTENTS = Array.from({ length: 8 }, (_, i) =>
  Buffer.concat(Array.from({ length: 1 + ((i * 37) % 300) }, (_, j) => POOL[(i * 5 + j * (i + 1)) % POOL.length]!)),
);
const MADE: MadeDataset[] = CONTENTS.map((content) => makeDataset(content));

type Step =
  | { do: 'upload' | 'manifest' | 'delete' | 'abort'; which: number; name: boolean }
  | { do: 'assemble'; which: number; at: number; count: number; refer: boolean }
  | { do: 'finish' | 'become' | 'abandon'; which: number }
  | { do: 'fill'; which: number; at: number; count: number }
  | { do: 'putBlock' | 'deleteBlock'; block: number }
  | { do: 'reopen' };

const which = fc.nat(CONTENTS.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('upload', 'manifest', 'delete', 'abort'), which, name: fc.boolean() }),
  fc.record({ do: fc.constant('fill' as const), which, at: fc.nat(299), count: fc.integer({ min: 1, max: 60 }) }),
  fc.record({
    do: fc.constant('assemble' as const),
    which,
    at: fc.nat(299),
    count: fc.integer({ min: 1, max: 300 }),
    refer: fc.boolean(),
  }),
  fc.record({ do: fc.constantFrom('finish', 'become', 'abandon'), which }),
  fc.record({ do: fc.constantFrom('putBlock', 'deleteBlock'), block: fc.nat(POOL.length - 1) }),
  fc.record({ do: fc.constant('reopen' as const) }),
);

const named = (made: MadeDataset, name: boolean) => (name ? { ...made.manifest, filename: 'name' } : made.manifest);

function cidOf(made: MadeDataset, name: boolean): ManifestCid {
  return name ? makeDataset(CONTENTS[MADE.indexOf(made)]!, { filename: 'name' }).manifestCid : made.manifestCid;
}

/** What a step returns or throws, in a form that can be compared. */
async function apply(repository: Repository, step: Exclude<Step, { do: 'reopen' }>): Promise<unknown> {
  switch (step.do) {
    case 'upload':
      return (await upload(repository, CONTENTS[step.which]!, step.name ? { filename: 'name' } : {})).toString();
    case 'abort': {
      const writer = repository.createDataset({ blockSize: BLOCK });
      await writer.append(CONTENTS[step.which]!);
      return writer.abort();
    }
    case 'manifest': {
      const made = makeDataset(CONTENTS[step.which]!, step.name ? { filename: 'name' } : {});
      expect(named(MADE[step.which]!, step.name).treeCid.toString()).toBe(made.manifest.treeCid.toString());
      return repository.putBlock(manifestCidOf(made.manifestBytes), made.manifestBytes);
    }
    case 'delete':
      return repository.delete(cidOf(MADE[step.which]!, step.name));
    case 'fill': {
      const made = MADE[step.which]!;
      // Datasets without a manifest would live as long as their handles: not to be compared.
      if (!(await repository.hasBlock(made.manifestCid))) return undefined;
      const start = step.at % made.ref.leafCount;
      const count = Math.min(step.count, made.ref.leafCount - start);
      const dataset = await repository.openDataset(made.ref);
      await dataset.learn(made.prove(start, count));
      return dataset.putLeaves(start, made.blocks.slice(start, start + count));
    }
    case 'assemble': {
      const { ref, blocks } = MADE[step.which]!;
      const assembly = await repository.assembleDataset(`key ${step.which}`, ref);
      const start = step.at % ref.leafCount;
      const part = blocks.slice(start, start + step.count);
      const work = step.refer
        ? assembly.refer(start, Buffer.concat(part.map((block) => sha256(block))))
        : assembly.putLeaves(start, part);
      const outcome = await work.catch((error) => [error.code, error.data]);
      const held = [...assembly.held()];
      await assembly.close();
      return [outcome, held];
    }
    case 'finish':
    case 'become':
    case 'abandon': {
      const { ref, manifest, manifestCid } = MADE[step.which]!;
      // Without a manifest what it becomes would live as long as its handle: not to be compared.
      if (step.do === 'become' && !(await repository.hasBlock(manifestCid))) return undefined;
      const assembly = await repository.assembleDataset(`key ${step.which}`, ref);
      if (step.do === 'abandon') return assembly.abort();
      const ending = step.do === 'finish' ? assembly.finish(() => manifest) : assembly.become(ref);
      const outcome = await ending.then(
        () => 'done',
        (error) => error.code,
      );
      await assembly.close();
      return outcome;
    }
    case 'putBlock':
      return repository.putBlock(blockCid(sha256(POOL[step.block]!)), POOL[step.block]!);
    case 'deleteBlock':
      return repository.delete(blockCid(sha256(POOL[step.block]!))).catch((error) => error.code);
  }
}

async function view(repository: Repository) {
  const held = async (ref: DatasetRef) => [...(await repository.openDataset(ref)).held()];
  return {
    usage: { ...repository.usage() },
    manifests: await listed(repository),
    held: await Promise.all(MADE.map(({ ref }) => held(ref))),
    blocks: await Promise.all(POOL.map((block) => repository.hasBlock(blockCid(sha256(block))))),
  };
}

it('does what the repository in memory does, across restarts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), (steps) =>
      withDirectory(async (path) => {
        const init = { segmentBytes: 100 * BLOCK, quotaBytes: Number.MAX_SAFE_INTEGER };
        let disk: DiskRepository = await openDisk(path, init);
        try {
          const memory = new MemoryRepository({}, { quotaBytes: Number.MAX_SAFE_INTEGER });
          for (const step of steps) {
            if (step.do === 'reopen') {
              await disk.stop();
              disk = await openDisk(path, init);
            } else {
              expect(await apply(disk, step)).toEqual(await apply(memory, step));
            }
          }
          expect(await view(disk)).toEqual(await view(memory));
          await expectSound(disk);
          for (const [i, made] of MADE.entries()) {
            const dataset = await disk.openDataset(made.ref);
            if (dataset.heldCount < made.ref.leafCount) continue;
            expect(Buffer.from(await readAll(dataset, CONTENTS[i]!.length)).equals(CONTENTS[i]!)).toBe(true);
          }
        } finally {
          await disk.stop();
        }
      }),
    ),
    { numRuns: process.env.MODEL_RUNS ? Number(process.env.MODEL_RUNS) : 40 },
  );
}, 120_000);
