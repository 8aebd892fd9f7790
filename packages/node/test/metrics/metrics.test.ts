import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MetricsServer, ProcessMetrics, PrometheusMetrics, registerReferenceMetrics } from '../../src/metrics/index.ts';

/** Names that the reference exported when it was recorded. */
const recorded: string[] = JSON.parse(
  readFileSync(join(import.meta.dirname, '../vectors/metric-names.json'), 'utf8'),
).names;

function sample(text: string, name: string): number | undefined {
  const line = text.split('\n').find((item) => item.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

describe('naming', () => {
  it('adds _total to counters and _created to counters and unlabelled gauges', async () => {
    const metrics = new PrometheusMetrics({ nowMs: () => 1_700_000_000_000 });
    metrics.counter({ name: 'codex_api_uploads', help: 'h' }).inc(3);
    metrics.gauge({ name: 'libp2p_peers', help: 'h' }).set(4);
    const labelled = metrics.counter({ name: 'libp2p_network_bytes', help: 'h', labels: ['direction'] });
    labelled.inc(10, { direction: 'in' });
    labelled.inc(5, { direction: 'in' });
    const text = await metrics.text();
    expect(sample(text, 'codex_api_uploads_total')).toBe(3);
    expect(sample(text, 'codex_api_uploads_created')).toBe(1_700_000_000);
    expect(sample(text, 'libp2p_peers')).toBe(4);
    expect(sample(text, 'libp2p_peers_created')).toBe(1_700_000_000);
    expect(sample(text, 'libp2p_network_bytes_total{direction="in"}')).toBe(15);
    expect(sample(text, 'libp2p_network_bytes_created{direction="in"}')).toBe(1_700_000_000);
  });

  it('gives the doubled counters a sane name too', async () => {
    const metrics = new PrometheusMetrics();
    metrics.counter({ name: 'codex_block_exchange_peer_timeouts_total', help: 'h' }).inc(2);
    const text = await metrics.text();
    expect(sample(text, 'codex_block_exchange_peer_timeouts_total_total')).toBe(2);
    expect(sample(text, 'codex_block_exchange_peer_timeouts_total')).toBe(2);
  });
});

describe('the registry', () => {
  it('gives the same metric to all who ask, and adds up what they read', async () => {
    const metrics = new PrometheusMetrics();
    metrics.counter({ name: 'a', help: 'h' }).inc();
    metrics.counter({ name: 'a', help: 'h' }).inc();
    metrics.gauge({ name: 'b', help: 'h', collect: () => 2 });
    metrics.gauge({ name: 'b', help: 'h', collect: () => 3 });
    const text = await metrics.text();
    expect(sample(text, 'a_total')).toBe(2);
    expect(sample(text, 'b')).toBe(5);
  });

  it('refuses two meanings of one name', () => {
    const metrics = new PrometheusMetrics();
    metrics.counter({ name: 'a', help: 'h' });
    expect(() => metrics.gauge({ name: 'a', help: 'h' })).toThrow(expect.objectContaining({ code: 'METRIC_CONFLICT' }));
    expect(() => metrics.counter({ name: 'a', help: 'h', labels: ['x'] })).toThrow(
      expect.objectContaining({ code: 'METRIC_CONFLICT' }),
    );
  });

  it('bounds the series of a metric', async () => {
    const metrics = new PrometheusMetrics();
    const counter = metrics.counter({ name: 'a', help: 'h', labels: ['x'] });
    for (let i = 0; i < 5000; i++) counter.inc(1, { x: String(i) });
    const series = (await metrics.text()).split('\n').filter((line) => line.startsWith('a_total{'));
    expect(series).toHaveLength(1000);
  });

  it('exports histograms', async () => {
    const metrics = new PrometheusMetrics();
    metrics.histogram({ name: 'h_seconds', help: 'h', buckets: [1, 2] }).observe(1.5);
    const text = await metrics.text();
    expect(sample(text, 'h_seconds_bucket{le="1"}')).toBe(0);
    expect(sample(text, 'h_seconds_bucket{le="2"}')).toBe(1);
    expect(sample(text, 'h_seconds_count')).toBe(1);
  });
});

it('has every metric of the reference at start, save those of the Nim memory manager and libp2p series without labels', async () => {
  const metrics = new PrometheusMetrics();
  new ProcessMetrics({ metrics });
  metrics.gauge({ name: 'libp2p_peers', help: 'a component was first', collect: () => 7 });
  registerReferenceMetrics(metrics);
  const text = await metrics.text();
  const declared = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]));
  const absent = recorded.filter((name) => !declared.has(name) && !name.startsWith('nim_gc_'));
  expect(absent).toEqual(['libp2p_open_streams_created']);
  expect(sample(text, 'libp2p_peers')).toBe(7);
  expect(sample(text, 'codex_purchases_finished_total')).toBe(0);
  expect(sample(text, 'codex_resident_memory_bytes')).toBeGreaterThan(1e6);
  expect(sample(text, 'codex_event_loop_delay_p99_seconds')).toBeGreaterThanOrEqual(0);
});

describe('the server', () => {
  it('serves metrics, health and readiness', async () => {
    const metrics = new PrometheusMetrics();
    metrics.counter({ name: 'a', help: 'h' }).inc();
    let ready = false;
    const server = new MetricsServer({ metrics, ready: () => ready }, { host: '127.0.0.1', port: 0 });
    await server.start();
    try {
      const get = (path: string) => fetch(`${server.url}${path}`);
      const response = await get('/metrics');
      expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
      expect(await response.text()).toContain('a_total 1');
      expect((await get('/health')).status).toBe(200);
      expect((await get('/ready')).status).toBe(503);
      ready = true;
      expect((await get('/ready')).status).toBe(200);
      expect((await get('/else')).status).toBe(404);
      expect((await fetch(`${server.url}/metrics`, { method: 'POST' })).status).toBe(405);
    } finally {
      await server.stop();
    }
    await server.stop();
  });

  it('names a port that is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const server = new MetricsServer(
      { metrics: new PrometheusMetrics(), ready: () => true },
      { host: '127.0.0.1', port },
    );
    await expect(server.start()).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining('--metrics-port'),
    });
    await server.stop();
    other.close();
  });
});
