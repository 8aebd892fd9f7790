import { join } from 'node:path';
import type { BenchContext, Claim, Row } from '../src/claim.ts';
import { Content } from '../src/content.ts';
import { contest, megabytesPerSecond, withProcessor } from '../src/contest.ts';
import { download, fetchInto, send, type Timing, upload } from '../src/http-client.ts';
import { routes, startNodes } from '../src/nodes.ts';
import { heliaBitswap, rawStream, type TransferRival } from './rivals.ts';

const OURS = 'codex';
/** The same with the file handed out over HTTP as it comes, which the raw stream does not do. */
const STREAMED = 'codex, streamed out';
const FIRST_BYTE_MS = 300;
/** Helia moves some tens of MB/s: a larger file only makes the run longer. */
const HELIA_BYTES = 128 * 1024 * 1024;

const figuresOf = (timing: Timing) => ({ 'MB/s': megabytesPerSecond(timing), 'ms to first byte': timing.firstByteMs });

/** Measures our two nodes and one rival side by side, on a file of `size` bytes. */
async function against(context: BenchContext, size: number, startRival: (file: string) => Promise<TransferRival>) {
  const content = new Content({ seed: 1, size });
  const file = join(context.directory, `file-${size}`);
  await content.writeTo(file);
  const expected = content.sha256();
  await using network = await startNodes(context, 2);
  const [from, to] = [network.nodes[0]!, network.nodes[1]!];
  const { body: cid } = await upload(routes.upload(from), content);
  const rival = await startRival(file);
  try {
    const check = (name: string, bytes: number) => {
      if (bytes !== size) throw new Error(`${name} delivered ${bytes} of ${size} bytes`);
    };
    const ours = {
      name: OURS,
      async round() {
        const { result: timing, ...cpu } = await withProcessor([from.pid, to.pid], () =>
          fetchInto({ fetch: routes.fetch(to, cid), local: routes.local(to, cid) }, size),
        );
        await send('DELETE', routes.local(to, cid));
        return { ...figuresOf(timing), ...cpu };
      },
    };
    const streamed = {
      name: STREAMED,
      async round(round: number) {
        const { result: timing, ...cpu } = await withProcessor([from.pid, to.pid], () =>
          download(routes.network(to, cid), { digest: round === 0 }),
        );
        check(STREAMED, timing.bytes);
        if (timing.sha256 !== undefined && timing.sha256 !== expected) throw new Error('Other bytes were delivered');
        await send('DELETE', routes.local(to, cid));
        return { ...figuresOf(timing), ...cpu };
      },
    };
    const theirs = {
      name: rival.name,
      async round() {
        const { result: timing, ...cpu } = await withProcessor(rival.pids, () => rival.fetch());
        check(rival.name, timing.bytes);
        return { ...figuresOf(timing), ...cpu };
      },
    };
    const figures = await contest([ours, streamed, theirs], context.rounds, context.note);
    const of = (name: string) => figures.get(name)!;
    return { name: rival.name, ours: of(OURS), streamed: of(STREAMED), rival: of(rival.name) };
  } finally {
    await rival.stop();
  }
}

const claim: Claim = {
  name: 'transfer',
  question: 'How fast does a file go from one node to another, every block proved and stored?',
  sizeBytes: 1024 * 1024 * 1024,
  async run(context): Promise<Row[]> {
    const raw = await against(context, context.sizeBytes, rawStream);
    const helia = await against(context, Math.min(HELIA_BYTES, context.sizeBytes), (file) =>
      heliaBitswap(file, context.directory),
    );
    const rows = [
      { ...raw, atLeast: 0.6 },
      { ...helia, atLeast: 1 },
    ].map(({ name, ours, rival, atLeast }): Row => {
      return {
        what: `transfer beside ${name}`,
        unit: 'MB/s',
        ours: ours['MB/s'],
        rival: { name, value: rival['MB/s'] },
        target: { kind: 'ratio', atLeast },
      };
    });
    const streamed = [raw, helia].map(({ name, streamed, rival }): Row => {
      return {
        what: `transfer streamed out over HTTP, beside ${name}`,
        unit: 'MB/s',
        ours: streamed['MB/s'],
        rival: { name, value: rival['MB/s'] },
      };
    });
    const firstByte = [raw, helia].map(({ name, streamed, rival }): Row => {
      return {
        what: `time to first byte beside ${name}`,
        unit: 'ms',
        ours: streamed['ms to first byte'],
        rival: { name, value: rival['ms to first byte'] },
        target: { kind: 'value', atMost: FIRST_BYTE_MS },
      };
    });
    const processor = [raw, helia].map(({ name, ours, rival }): Row => {
      return {
        what: `processor time of both sides beside ${name}`,
        unit: 'ms/GB',
        ours: ours['CPU ms/GB'],
        rival: { name, value: rival['CPU ms/GB'] },
      };
    });
    return [...rows, ...streamed, ...firstByte, ...processor];
  },
};

export default claim;
