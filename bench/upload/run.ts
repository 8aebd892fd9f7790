import type { BenchContext, Claim, Row } from '../src/claim.ts';
import { Content } from '../src/content.ts';
import { type Contender, contest, megabytesPerSecond, withProcessor } from '../src/contest.ts';
import { send, upload } from '../src/http-client.ts';
import { routes, startNodes } from '../src/nodes.ts';
import { RivalProcess } from '../src/rival-process.ts';

type Figures = 'MB/s' | 'CPU ms/GB';
const OURS = 'codex';

async function rival(context: BenchContext, mode: 'plain' | 'synced') {
  const server = new RivalProcess(new URL('./rival-http.ts', import.meta.url), [context.directory, mode]);
  const { url } = await server.next<{ url: string }>();
  const contender: Contender<Figures> = {
    name: `bare http, ${mode}`,
    async round(round) {
      const content = new Content({ seed: round, size: context.sizeBytes });
      const { result, ...cpu } = await withProcessor([server.pid], () => upload(url, content));
      return { 'MB/s': megabytesPerSecond(result), ...cpu };
    },
  };
  return { server, contender };
}

const claim: Claim = {
  name: 'upload',
  question: 'How fast does a node take a file in, beside a bare HTTP server that only hashes and appends?',
  sizeBytes: 512 * 1024 * 1024,
  async run(context): Promise<Row[]> {
    await using network = await startNodes(context, 1);
    const node = network.nodes[0]!;
    const ours: Contender<Figures> = {
      name: OURS,
      async round(round) {
        // New content every round: a block that is held already would cost nothing.
        const content = new Content({ seed: round, size: context.sizeBytes });
        const { result, ...cpu } = await withProcessor([node.pid], () => upload(routes.upload(node), content));
        await send('DELETE', routes.local(node, result.body));
        return { 'MB/s': megabytesPerSecond(result), ...cpu };
      },
    };
    const plain = await rival(context, 'plain');
    const synced = await rival(context, 'synced');
    try {
      const figures = await contest([ours, plain.contender, synced.contender], context.rounds, context.note);
      const rate = (name: string) => figures.get(name)?.['MB/s'] ?? 0;
      return [
        {
          what: 'upload',
          unit: 'MB/s',
          ours: rate(OURS),
          rival: { name: plain.contender.name, value: rate(plain.contender.name) },
          target: { kind: 'ratio', atLeast: 0.8 },
        },
        {
          what: 'upload, both safe on disk',
          unit: 'MB/s',
          ours: rate(OURS),
          rival: { name: synced.contender.name, value: rate(synced.contender.name) },
        },
        {
          what: 'processor time',
          unit: 'ms/GB',
          ours: figures.get(OURS)!['CPU ms/GB'],
          rival: { name: plain.contender.name, value: figures.get(plain.contender.name)!['CPU ms/GB'] },
        },
      ];
    } finally {
      await plain.server.stop();
      await synced.server.stop();
    }
  },
};

export default claim;
