import type { Claim, Row } from '../src/claim.ts';
import { Content } from '../src/content.ts';
import { download, fetchInto, send, upload } from '../src/http-client.ts';
import { METRICS_ARGS, metricsUrl, readMetric, routes, startNodes } from '../src/nodes.ts';

/** The node reports, and starts anew, at every export. */
const METRIC = 'codex_event_loop_delay_p99_seconds';
/** No task on the main thread takes longer than this. */
const P99_MS = 20;

const claim: Claim = {
  name: 'event-loop',
  question: 'Does the main thread of a node stay free while it moves a file?',
  sizeBytes: 1024 * 1024 * 1024,
  async run(context): Promise<Row[]> {
    await using network = await startNodes(context, 2, METRICS_ARGS);
    const [first, second] = [network.nodes[0]!, network.nodes[1]!];
    const urls = [metricsUrl(first), metricsUrl(second)] as const;
    const delays = () => Promise.all(urls.map(async (url) => (await readMetric(url, METRIC)) * 1000));
    const row = (what: string, ours: number | undefined): Row => {
      context.note(`${what}: ${ours?.toFixed(1)} ms`);
      return { what: `p99 delay, ${what}`, unit: 'ms', ours: ours ?? Number.NaN };
    };
    const bounded = (what: string, ours: number | undefined): Row => {
      return { ...row(what, ours), target: { kind: 'value', atMost: P99_MS } };
    };
    await delays();
    const { body: cid } = await upload(routes.upload(first), new Content({ seed: 1, size: context.sizeBytes }));
    const [uploading] = await delays();
    await download(routes.local(first, cid));
    const [downloading] = await delays();
    await fetchInto({ fetch: routes.fetch(second, cid), local: routes.local(second, cid) }, context.sizeBytes);
    const [sending, receiving] = await delays();
    await send('DELETE', routes.local(second, cid));
    await delays();
    await download(routes.network(second, cid));
    const [, streaming] = await delays();
    return [
      bounded('upload', uploading),
      bounded('local download', downloading),
      bounded('transfer, sender', sending),
      bounded('transfer, receiver', receiving),
      row('transfer, receiver that streams out over HTTP', streaming),
    ];
  },
};

export default claim;
