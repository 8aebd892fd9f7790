import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext, Claim, Row } from '../src/claim.ts';
import { Content } from '../src/content.ts';
import { download, upload } from '../src/http-client.ts';
import { routes, startNodes } from '../src/nodes.ts';
import { peakMiB, resetPeak } from '../src/process-usage.ts';

const GIB = 1024 ** 3;
/** A node must fit beside other things on a small machine. */
const PEAK_MIB = Math.floor(350e6 / 2 ** 20);
/** Long enough for buffers of the phase before to be given back. */
const SETTLE_MS = 1_000;

type Phase = 'upload' | 'local download' | 'transfer, sender' | 'transfer, receiver';

/** Peaks of resident memory by phase, MiB. */
async function peaks(context: BenchContext, size: number): Promise<Record<Phase, number>> {
  await using network = await startNodes(context, 2);
  const [first, second] = [network.nodes[0]!, network.nodes[1]!];
  const fresh = async () => {
    await sleep(SETTLE_MS);
    for (const node of network.nodes) resetPeak(node.pid);
  };
  await fresh();
  const { body: cid } = await upload(routes.upload(first), new Content({ seed: 1, size }));
  const uploading = peakMiB(first.pid);
  await fresh();
  const local = await download(routes.local(first, cid));
  const downloading = peakMiB(first.pid);
  await fresh();
  const remote = await download(routes.network(second, cid));
  if (local.bytes !== size || remote.bytes !== size)
    throw new Error(`${local.bytes}, ${remote.bytes} of ${size} bytes came`);
  return {
    upload: uploading,
    'local download': downloading,
    'transfer, sender': peakMiB(first.pid),
    'transfer, receiver': peakMiB(second.pid),
  };
}

const claim: Claim = {
  name: 'memory',
  question: 'How much memory does a node take at its peak, and does it grow with the file?',
  sizeBytes: 8 * GIB,
  async run(context): Promise<Row[]> {
    const small = Math.max(1, Math.round(context.sizeBytes / 8));
    const label = (size: number) => `${Math.round((size / GIB) * 100) / 100} GiB`;
    const smallPeaks = await peaks(context, small);
    context.note(`${label(small)}: ${JSON.stringify(smallPeaks)}`);
    const largePeaks = await peaks(context, context.sizeBytes);
    context.note(`${label(context.sizeBytes)}: ${JSON.stringify(largePeaks)}`);
    return (Object.keys(smallPeaks) as Phase[]).flatMap((phase): Row[] => [
      {
        what: `peak of ${phase}, ${label(small)}`,
        unit: 'MiB',
        ours: smallPeaks[phase],
        target: { kind: 'value', atMost: PEAK_MIB },
      },
      {
        what: `peak of ${phase}, ${label(context.sizeBytes)}`,
        unit: 'MiB',
        ours: largePeaks[phase],
        target: { kind: 'value', atMost: PEAK_MIB },
      },
    ]);
  },
};

export default claim;
