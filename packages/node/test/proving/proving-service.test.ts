import type { Manifest } from '@codex/content';
import { CodexError, silentLogger, VirtualClock } from '@codex/runtime';
import { describe, expect, it } from 'vitest';
import { PrometheusMetrics } from '../../src/metrics/index.ts';
import { type ProofOptions, ProvingService } from '../../src/proving/proving-service.ts';
import type { CircuitSource, ProvingCircuit, RawProof } from '../../src/proving/types.ts';

/** What each part takes, in virtual ms. */
const INPUT_MS = 10;
const KEY_MS = 1000;
const WITNESS_MS = 100;
const PROOF_MS = 300;
const KEY_IDLE_MS = 60_000;

const CHALLENGE = new Uint8Array(32);
const SIGNALS = [1n, 2n, 3n];

/** The service over circuits that only take their time, and what has been done with them. */
function makeService(faults: { readonly signals?: readonly bigint[]; readonly verifies?: boolean } = {}) {
  const clock = new VirtualClock(1_000_000);
  const metrics = new PrometheusMetrics({ nowMs: () => clock.now() });
  const events: string[] = [];
  const proof = { made: 'here' } as unknown as RawProof['proof'];
  const circuit = (samples: number): ProvingCircuit => ({
    key: { samples, sha256: 'ab'.repeat(32), insecure: false },
    async witness(_input, { signal }) {
      events.push('witness');
      await clock.sleep(WITNESS_MS, { signal });
      return { count: 0, values: new Uint8Array() };
    },
    async prove(_witness, { signal, onProgress }) {
      await clock.sleep(PROOF_MS / 2, { signal });
      onProgress?.(0.5);
      await clock.sleep(PROOF_MS / 2, { signal });
      events.push('proof');
      return { proof, publicSignals: faults.signals ?? SIGNALS };
    },
    verify: async () => faults.verifies ?? true,
    proofJson: () => ({ as: 'snarkjs' }),
    async close() {
      events.push(`close ${samples}`);
    },
  });
  const circuits: CircuitSource = {
    async open(samples, { signal }) {
      if (samples === 7) throw new CodexError('PROVING_MEMORY', 'too little');
      events.push(`open ${samples}`);
      await clock.sleep(KEY_MS, { signal });
      return circuit(samples);
    },
    verifier: () => Promise.reject(new Error('not asked for')),
  };
  const slots = {
    async input({ slotIndex }: { slotIndex: number }, options: { signal?: AbortSignal | undefined }) {
      events.push(`input ${slotIndex}`);
      await clock.sleep(INPUT_MS, options);
      return { json: {}, publicSignals: SIGNALS };
    },
  };
  const service = new ProvingService(
    { clock, metrics, logger: silentLogger, slots, circuits },
    { waiting: 3, keyIdleMs: KEY_IDLE_MS },
  );
  const prove = (slotIndex: number, options: ProofOptions & { samples?: number } = {}) => {
    const { samples = 5, ...rest } = options;
    const proving = service.prove({ manifest: {} as Manifest, slotIndex, challenge: CHALLENGE, samples }, rest);
    proving.catch(() => {});
    return proving;
  };
  return { clock, events, metrics, prove, proof, service };
}

const ONE_MS = INPUT_MS + KEY_MS + WITNESS_MS + PROOF_MS;

describe('a proof', () => {
  it('is made in phases that are told and measured', async () => {
    const { clock, metrics, prove, proof } = makeService();
    const told: object[] = [];
    const made = prove(2, { onProgress: (progress) => told.push(progress) });
    await clock.advance(ONE_MS);
    expect(await made).toMatchObject({ proof, publicSignals: SIGNALS, json: { as: 'snarkjs' }, key: { samples: 5 } });
    expect(told).toEqual([
      { phase: 'waiting' },
      { phase: 'input' },
      { phase: 'key' },
      { phase: 'witness' },
      { phase: 'proof' },
      { phase: 'proof', fraction: 0.5 },
      { phase: 'verification' },
    ]);
    const text = await metrics.text();
    expect(text).toContain('codex_proofs_made_total 1');
    expect(text).toContain('codex_proof_seconds_sum{phase="witness"} 0.1');
    expect(text).toContain('codex_proof_seconds_sum{phase="proof"} 0.3');
  });

  it.each([
    ['does not verify', { verifies: false }],
    ['is about something else', { signals: [1n, 2n, 4n] }],
    ['has a signal too few', { signals: [1n, 2n] }],
  ])('never leaves when it %s', async (_what, faults) => {
    const { clock, metrics, prove } = makeService(faults);
    const made = prove(0);
    await clock.advance(ONE_MS);
    await expect(made).rejects.toMatchObject({ code: 'PROOF_REJECTED' });
    const text = await metrics.text();
    expect(text).toContain('codex_proofs_failed_total{code="PROOF_REJECTED"} 1');
    expect(text).toContain('codex_proofs_made_total 0');
  });

  it('can be given up in every phase, and the next one is made', async () => {
    for (const at of [0, INPUT_MS - 1, INPUT_MS + 1, INPUT_MS + KEY_MS + 1, ONE_MS - PROOF_MS + 1, ONE_MS - 1]) {
      const { clock, events, prove, service } = makeService();
      const abort = new AbortController();
      const made = prove(1, { signal: abort.signal });
      await clock.advance(at);
      abort.abort(new Error('no longer wanted'));
      await expect(made).rejects.toThrow('no longer wanted');
      expect(events).not.toContain('proof');
      const next = prove(2);
      await clock.advance(ONE_MS);
      await next;
      await service.stop();
      expect(clock.pending).toBe(0);
    }
  });

  it('that is late is stopped where it is', async () => {
    const { clock, events, metrics, prove } = makeService();
    const made = prove(1, { deadline: clock.now() + ONE_MS - 1 });
    await clock.advance(ONE_MS);
    await expect(made).rejects.toMatchObject({ code: 'PROOF_LATE' });
    expect(events).toEqual(['input 1', 'open 5', 'witness']);
    expect(await metrics.text()).toContain('codex_proofs_failed_total{code="PROOF_LATE"} 1');
  });
});

describe('proofs', () => {
  it('are made one at a time, the most urgent first', async () => {
    const { clock, events, metrics, prove } = makeService();
    const soon = clock.now() + 10 * ONE_MS;
    const all = [prove(0), prove(1), prove(2, { deadline: soon + 1 }), prove(3, { deadline: soon })];
    expect(await metrics.text()).toContain('codex_proof_queue_length 3');
    await expect(prove(4)).rejects.toMatchObject({ code: 'PROOF_QUEUE_FULL' });
    await clock.advance(10 * ONE_MS);
    await Promise.all(all);
    expect(events.filter((event) => event.startsWith('input'))).toEqual(['input 0', 'input 3', 'input 2', 'input 1']);
  });

  it('share a key, which is unloaded when nobody needs it or another one is needed', async () => {
    const { clock, events, prove } = makeService();
    const opened = () => events.filter((event) => /open|close/.test(event));
    const ask = async (samples: number) => {
      const made = prove(0, { samples });
      await clock.advance(ONE_MS);
      await made;
    };
    await ask(5);
    await clock.advance(KEY_IDLE_MS - 1 - ONE_MS);
    await ask(5);
    expect(opened()).toEqual(['open 5']);
    await ask(50);
    expect(opened()).toEqual(['open 5', 'close 5', 'open 50']);
    await clock.advance(KEY_IDLE_MS);
    expect(opened()).toEqual(['open 5', 'close 5', 'open 50', 'close 50']);
  });

  it('that cannot be made do not keep others from it', async () => {
    const { clock, prove } = makeService();
    const all = [prove(0, { samples: 7 }), prove(1)];
    await clock.advance(2 * ONE_MS);
    await expect(all[0]).rejects.toMatchObject({ code: 'PROVING_MEMORY' });
    await all[1];
  });

  it('end when the node stops, and the key is unloaded', async () => {
    const { clock, events, prove, service } = makeService();
    const all = [prove(0), prove(1)];
    await clock.advance(INPUT_MS + KEY_MS + 1);
    await service.stop();
    for (const made of all) await expect(made).rejects.toMatchObject({ code: 'PROVING_STOPPED' });
    expect(events).toEqual(['input 0', 'open 5', 'witness', 'close 5']);
    expect(clock.pending).toBe(0);
  });
});
