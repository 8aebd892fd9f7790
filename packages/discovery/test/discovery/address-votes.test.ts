import { VirtualClock } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import { AddressVotes } from '../../src/address-votes.ts';
import { DISCOVERY_LIMITS } from '../../src/service/limits.ts';
import { addressGroup } from '../../src/table/address-group.ts';

const seen = { ip: '203.0.113.9', port: 8090 };
const voter = (i: number) => ({ id: `peer ${i}`, ip: `198.51.100.${i}` });

function newVotes() {
  const clock = new VirtualClock();
  return { clock, votes: new AddressVotes({ clock, groupOf: addressGroup }, DISCOVERY_LIMITS) };
}

describe('votes on the own address', () => {
  it('settle it when ten agree', () => {
    const { votes } = newVotes();
    for (let i = 1; i < 10; i++) expect(votes.add(voter(i), seen)).toBeUndefined();
    expect(votes.add(voter(1), seen)).toBeUndefined();
    expect(votes.add(voter(10), seen)).toEqual({ endpoint: seen, votes: 10 });
  });

  it('of one address are one vote, of one private peer too', () => {
    const { votes } = newVotes();
    for (let i = 0; i < 50; i++) expect(votes.add({ id: `peer ${i}`, ip: '198.51.100.1' }, seen)).toBeUndefined();
    for (let i = 0; i < 50; i++)
      expect(votes.add({ id: 'peer', ip: '10.0.0.1' }, { ip: '10.0.0.9', port: 1 })).toBeUndefined();
  });

  it('count only within the same kind of network', () => {
    const { votes } = newVotes();
    for (let i = 0; i < 20; i++) {
      expect(votes.add({ id: `peer ${i}`, ip: `192.168.1.${i}` }, seen)).toBeUndefined();
      expect(votes.add(voter(i), { ip: '192.168.1.7', port: 8090 })).toBeUndefined();
      expect(votes.add(voter(i), { ip: '0.0.0.0', port: 8090 })).toBeUndefined();
    }
  });

  it('are over after five minutes', async () => {
    const { clock, votes } = newVotes();
    for (let i = 1; i < 10; i++) votes.add(voter(i), seen);
    await clock.advance(5 * 60_000);
    expect(votes.add(voter(10), seen)).toBeUndefined();
  });

  it('say nothing while others have as many', () => {
    const { votes } = newVotes();
    const other = { ...seen, port: 9 };
    for (let i = 1; i <= 10; i++) {
      votes.add(voter(i), seen);
      votes.add(voter(100 + i), other);
    }
    expect(votes.add(voter(1), seen)).toBeUndefined();
    expect(votes.add(voter(11), seen)?.votes).toBe(11);
  });

  it('of the latest 128 voters are remembered', () => {
    const { votes } = newVotes();
    for (let i = 0; i < 9; i++) votes.add(voter(i), seen);
    for (let i = 0; i < 128; i++) votes.add({ id: 'x', ip: `203.0.${i}.1` }, { ip: `203.0.114.${i}`, port: 1 });
    expect(votes.add(voter(100), seen)).toBeUndefined();
  });
});
