import { silentLogger, VirtualClock } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import { type Gateway, type PortMapper, type PortMapping, PortMappings } from '../../src/nat/index.ts';

const TCP = { transport: 'tcp', port: 5000 } as const;
const UDP = { transport: 'udp', port: 8090 } as const;
const MINUTE_MS = 60_000;

class FakeGateway implements Gateway {
  readonly protocol = 'upnp';
  readonly name = 'fake';
  readonly mapped = new Map<string, PortMapping>();
  readonly calls: string[] = [];
  ip = '93.184.216.34';
  refused: string[] = [];
  lifetimeMs = 60 * MINUTE_MS;
  gone = false;
  hangs = false;

  async externalIp(options?: { signal?: AbortSignal }): Promise<string> {
    this.calls.push('ip');
    if (this.hangs) await new Promise((_, reject) => options?.signal?.addEventListener('abort', reject));
    if (this.gone) throw new Error('gone');
    return this.ip;
  }

  async map(wanted: PortMapping): Promise<PortMapping> {
    this.calls.push(`map ${wanted.transport} ${wanted.externalPort}`);
    if (this.refused.includes(wanted.transport)) throw new Error('refused');
    const externalPort = wanted.externalPort === wanted.port ? wanted.port + 10_000 : wanted.externalPort;
    const mapping = { ...wanted, externalPort, lifetimeMs: this.lifetimeMs };
    this.mapped.set(wanted.transport, mapping);
    return mapping;
  }

  async unmap(mapping: PortMapping): Promise<void> {
    this.calls.push(`unmap ${mapping.transport} ${mapping.externalPort}`);
    this.mapped.delete(mapping.transport);
  }
}

function setup(gateways: readonly (Gateway | undefined)[]) {
  const clock = new VirtualClock();
  const searches: number[] = [];
  const mappers = gateways.map(
    (gateway, i): PortMapper => ({
      protocol: 'upnp',
      find: async () => {
        searches.push(i);
        return gateway;
      },
    }),
  );
  const changes: unknown[] = [];
  const mappings: PortMappings = new PortMappings(
    { mappers, clock, logger: silentLogger },
    { onChange: () => changes.push(mappings.current) },
  );
  return { clock, searches, mappings, changes };
}

describe('mapped ports', () => {
  it('are made once each, renewed with the port that was granted, and deleted at the end', async () => {
    const gateway = new FakeGateway();
    const { clock, mappings, changes, searches } = setup([gateway]);
    mappings.want([TCP, UDP]);
    mappings.want([TCP, UDP]);
    await mappings.refresh();
    expect(changes).toHaveLength(1);
    expect(mappings.current).toMatchObject({
      externalIp: '93.184.216.34',
      mappings: [
        { ...TCP, externalPort: 15_000 },
        { ...UDP, externalPort: 18_090 },
      ],
    });
    gateway.calls.length = 0;
    await clock.advance(20 * MINUTE_MS);
    await expect.poll(() => gateway.calls).toEqual(['ip', 'map tcp 15000', 'map udp 18090']);
    expect(changes).toHaveLength(1);
    expect(searches).toEqual([0]);
    await mappings.stop();
    expect(gateway.mapped.size).toBe(0);
    await clock.advance(60 * MINUTE_MS);
    expect(clock.pending).toBe(0);
  });

  it('are renewed at half of a short life', async () => {
    const gateway = new FakeGateway();
    gateway.lifetimeMs = 10 * MINUTE_MS;
    const { clock, mappings } = setup([gateway]);
    mappings.want([TCP]);
    await mappings.refresh();
    gateway.calls.length = 0;
    await clock.advance(5 * MINUTE_MS - 1);
    expect(gateway.calls).toEqual([]);
    await clock.advance(1);
    expect(gateway.calls).not.toEqual([]);
    await mappings.stop();
  });

  it('may be of one transport only', async () => {
    const gateway = new FakeGateway();
    gateway.refused = ['tcp'];
    const { mappings } = setup([gateway]);
    mappings.want([TCP, UDP]);
    await mappings.refresh();
    expect(mappings.current.mappings).toMatchObject([UDP]);
    await mappings.stop();
  });

  it('come from the first gateway that maps anything', async () => {
    const [useless, good] = [new FakeGateway(), new FakeGateway()];
    useless.refused = ['tcp', 'udp'];
    const { mappings, searches } = setup([undefined, useless, good]);
    mappings.want([TCP, UDP]);
    await mappings.refresh();
    expect(searches.slice(0, 3)).toEqual([0, 1, 2]);
    expect(good.mapped.size).toBe(2);
    await mappings.stop();
    expect(good.mapped.size).toBe(0);
  });

  it('change with the address of the gateway, and end with the gateway, which is then searched for again', async () => {
    const gateway = new FakeGateway();
    const { clock, mappings, changes, searches } = setup([gateway]);
    mappings.want([TCP]);
    await mappings.refresh();
    gateway.ip = '93.184.216.99';
    await mappings.refresh();
    expect(changes.at(-1)).toMatchObject({ externalIp: '93.184.216.99' });
    gateway.gone = true;
    await mappings.refresh();
    expect(changes.at(-1)).toEqual({ externalIp: undefined, mappings: [] });
    gateway.gone = false;
    const before = searches.length;
    await clock.advance(20 * MINUTE_MS);
    await expect.poll(() => changes.at(-1)).toMatchObject({ externalIp: '93.184.216.99' });
    expect(searches.length).toBe(before + 1);
    await mappings.stop();
  });

  it('that nobody wants any more are deleted', async () => {
    const gateway = new FakeGateway();
    const { mappings, clock } = setup([gateway]);
    mappings.want([TCP, UDP]);
    await mappings.refresh();
    mappings.want([UDP]);
    await mappings.refresh();
    expect([...gateway.mapped.keys()]).toEqual(['udp']);
    mappings.want([]);
    await mappings.refresh();
    expect(gateway.mapped.size).toBe(0);
    expect(clock.pending).toBe(0);
    await mappings.stop();
  });

  it('do not hold up a stop while a gateway hangs', async () => {
    const gateway = new FakeGateway();
    gateway.hangs = true;
    const { mappings } = setup([gateway]);
    mappings.want([TCP]);
    await expect.poll(() => gateway.calls).toEqual(['ip']);
    await mappings.stop();
    expect(mappings.current.mappings).toEqual([]);
    await mappings.refresh();
    expect(gateway.calls).toEqual(['ip']);
  });
});
