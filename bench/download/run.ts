import { join } from 'node:path';
import type { Claim, Row } from '../src/claim.ts';
import { Content } from '../src/content.ts';
import { contest, megabytesPerSecond, withProcessor } from '../src/contest.ts';
import { download, upload } from '../src/http-client.ts';
import { routes, startNodes } from '../src/nodes.ts';
import { RivalProcess } from '../src/rival-process.ts';

const OURS = 'codex';
const RIVAL = 'bare http';

const claim: Claim = {
  name: 'download',
  question:
    'How fast does a node hand a local file out, every block checked, beside a bare HTTP server that streams one?',
  sizeBytes: 512 * 1024 * 1024,
  async run(context): Promise<Row[]> {
    const content = new Content({ seed: 1, size: context.sizeBytes });
    const file = join(context.directory, 'file');
    await content.writeTo(file);
    await using network = await startNodes(context, 1);
    const node = network.nodes[0]!;
    const { body: cid } = await upload(routes.upload(node), content);
    const server = new RivalProcess(new URL('./rival-http.ts', import.meta.url), [file]);
    const { url } = await server.next<{ url: string }>();
    const expected = content.sha256();
    const contender = (name: string, target: string, pid: number) => ({
      name,
      async round(round: number) {
        // The round that is not counted also shows that the right bytes come.
        const { result: timing, ...cpu } = await withProcessor([pid], () => download(target, { digest: round === 0 }));
        if (timing.bytes !== context.sizeBytes) throw new Error(`${name} delivered ${timing.bytes} bytes`);
        if (timing.sha256 !== undefined && timing.sha256 !== expected) throw new Error(`${name} delivered other bytes`);
        return { 'MB/s': megabytesPerSecond(timing), 'ms to first byte': timing.firstByteMs, ...cpu };
      },
    });
    try {
      const contenders = [contender(OURS, routes.local(node, cid), node.pid), contender(RIVAL, url, server.pid)];
      const figures = await contest(contenders, context.rounds, context.note);
      const [ours, rival] = [figures.get(OURS)!, figures.get(RIVAL)!];
      return [
        {
          what: 'download',
          unit: 'MB/s',
          ours: ours['MB/s'],
          rival: { name: RIVAL, value: rival['MB/s'] },
          target: { kind: 'ratio', atLeast: 0.8 },
        },
        {
          what: 'time to first byte',
          unit: 'ms',
          ours: ours['ms to first byte'],
          rival: { name: RIVAL, value: rival['ms to first byte'] },
        },
        {
          what: 'processor time',
          unit: 'ms/GB',
          ours: ours['CPU ms/GB'],
          rival: { name: RIVAL, value: rival['CPU ms/GB'] },
        },
      ];
    } finally {
      await server.stop();
    }
  },
};

export default claim;
