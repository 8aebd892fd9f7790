import { seededRandom, systemClock, VirtualClock } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import { type LinkFaults, MemoryDatagrams } from '../../src/datagram/memory.ts';
import { datagramSuite } from './datagram-suite.ts';

datagramSuite({
  name: 'in memory',
  create: () => new MemoryDatagrams({ clock: systemClock, random: seededRandom(1) }),
});

describe('datagrams in memory', () => {
  async function setup(faults: Partial<LinkFaults>, seed = 1) {
    const clock = new VirtualClock();
    const network = new MemoryDatagrams({ clock, random: seededRandom(seed) }, faults);
    const a = await network.bind({ ip: '10.0.0.1', port: 9000 });
    const b = await network.bind({ ip: '10.0.0.2', port: 9000 });
    const arrivals: { at: number; value: number }[] = [];
    b.onDatagram(({ bytes }) => arrivals.push({ at: clock.monotonic(), value: bytes[0] ?? -1 }));
    const send = (value: number) => a.send(b.local, Uint8Array.of(value));
    return { clock, network, a, b, arrivals, send };
  }

  it('takes the time of the link', async () => {
    const { clock, arrivals, send } = await setup({ latencyMs: (from) => (from.ip === '10.0.0.1' ? 25 : 1) });
    send(1);
    await clock.advance(24);
    expect(arrivals).toEqual([]);
    await clock.advance(1);
    expect(arrivals).toEqual([{ at: 25, value: 1 }]);
  });

  it('loses, doubles and reorders at the given rates, in the same way for the same seed', async () => {
    const run = async (seed: number) => {
      const { clock, network, arrivals, send } = await setup(
        { loss: 0.3, duplication: 0.1, reordering: 0.2, jitterMs: 3 },
        seed,
      );
      for (let i = 0; i < 2000; i++) {
        send(i % 256);
        await clock.advance(1);
      }
      await clock.advance(100);
      return { arrivals, counts: network.counts };
    };
    const first = await run(5);
    expect(await run(5)).toEqual(first);
    expect(await run(6)).not.toEqual(first);
    const { sent, lost, doubled, delivered } = first.counts;
    expect(sent).toBe(2000);
    expect(lost / sent).toBeCloseTo(0.3, 1);
    expect(doubled / sent).toBeCloseTo(0.1, 1);
    expect(delivered).toBe(sent - lost + doubled);
    const inOrder = first.arrivals.every(({ value }, i) => i === 0 || value >= (first.arrivals[i - 1]?.value ?? 0));
    expect(inOrder).toBe(false);
  });

  it('divides and heals', async () => {
    const { clock, network, arrivals, send } = await setup({});
    network.partition((from, to) => from.ip !== to.ip);
    send(1);
    await clock.advance(1);
    network.partition(undefined);
    send(2);
    await clock.advance(1);
    expect(arrivals.map(({ value }) => value)).toEqual([2]);
    expect(network.counts.separated).toBe(1);
  });

  it('takes nodes away, and loses what is longer than the MTU', async () => {
    const { clock, network, a, b, arrivals, send } = await setup({ mtuBytes: 100 });
    a.send(b.local, new Uint8Array(101));
    send(1);
    await clock.advance(1);
    network.kill(b.local);
    send(2);
    await clock.advance(1);
    expect(arrivals.map(({ value }) => value)).toEqual([1]);
    expect(network.counts).toMatchObject({ tooLong: 1, unreachable: 1, delivered: 1, deliveredBytes: 1 });
  });
});
