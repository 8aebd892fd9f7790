import type { Claim } from '../src/claim.ts';
import { Content } from '../src/content.ts';
import { contest, megabytesPerSecond } from '../src/contest.ts';
import { fetchInto, send, upload } from '../src/http-client.ts';
import { routes, startNodes } from '../src/nodes.ts';
import { RivalProcess } from '../src/rival-process.ts';

/** 100 Mbit/s. */
const LINE_BYTES_PER_SECOND = 12_500_000;
const ROUND_TRIP_MS = 50;
const USED_TARGET_PERCENT = 85;
const POLL_MS = 25;
const PORT = /\/tcp\/(\d+)/;

const claim: Claim = {
  name: 'slow-link',
  question: 'how much of a line of 100 Mbit/s and 50 ms does one download use?',
  sizeBytes: 128 * 1024 * 1024,
  async run(context) {
    const content = new Content({ seed: 1, size: context.sizeBytes });
    await using network = await startNodes(context, 2, [], false);
    const [from, to] = [network.nodes[0]!, network.nodes[1]!];
    const { body: cid } = await upload(routes.upload(from), content);
    const port = PORT.exec(from.addrs[0] ?? '')?.[1];
    if (!port) throw new Error(`No TCP port in ${from.addrs.join(', ')}`);
    const line = new RivalProcess(new URL('./delay-line.ts', import.meta.url), [
      port,
      String(LINE_BYTES_PER_SECOND),
      String(ROUND_TRIP_MS / 2),
    ]);
    try {
      const { port: near } = await line.next<{ port: number }>();
      await to.rest.connect(from.peerId, [`/ip4/127.0.0.1/tcp/${near}`]);
      const codex = {
        name: 'codex',
        async round() {
          const timing = await fetchInto(
            { fetch: routes.fetch(to, cid), local: routes.local(to, cid) },
            content.size,
            POLL_MS,
          );
          await send('DELETE', routes.local(to, cid));
          return { 'MB/s': megabytesPerSecond(timing) };
        },
      };
      const rate = (await contest([codex], context.rounds, context.note)).get('codex')!['MB/s'];
      const lineRate = LINE_BYTES_PER_SECOND / 1e6;
      return [
        { what: 'rate of one download', unit: 'MB/s', ours: rate, rival: { name: 'the line', value: lineRate } },
        {
          what: 'of the line used by blocks',
          unit: '%',
          ours: (100 * rate) / lineRate,
          target: { kind: 'value', atLeast: USED_TARGET_PERCENT },
        },
      ];
    } finally {
      await line.stop();
    }
  },
};

export default claim;
