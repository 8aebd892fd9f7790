import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startNetwork } from '@codex/devnet';
import type { Claim, Row } from '../src/claim.ts';
import { median } from '../src/contest.ts';
import { nodeCommand } from '../src/nodes.ts';
import { residentMiB } from '../src/process-usage.ts';

const READY_MS = 1_500;
const IDLE_MIB = Math.floor(120e6 / 2 ** 20);
/** After this a node has nothing left to do from its start. */
const IDLE_AFTER_MS = 5_000;

const claim: Claim = {
  name: 'start',
  question: 'How soon is a node ready, and how much memory does it take when it has nothing to do?',
  sizeBytes: 1,
  async run(context): Promise<Row[]> {
    const readyMs: number[] = [];
    const idleMiB: number[] = [];
    for (let round = 0; round <= context.rounds; round++) {
      const began = performance.now();
      let ms = 0;
      // A new directory every time: the first start is the longest.
      await using network = await startNetwork({
        nodes: 1,
        ...nodeCommand(context),
        directory: join(context.directory, `start-${round}`),
        signal: context.signal,
        onEvent: (event) => {
          if (event.type === 'ready') ms = performance.now() - began;
        },
      });
      await sleep(IDLE_AFTER_MS);
      const mib = residentMiB(network.nodes[0]!.pid);
      context.note(
        `${round === 0 ? 'warm-up' : `round ${round}`}: ready after ${ms.toFixed(0)} ms, idle at ${mib.toFixed(0)} MiB`,
      );
      if (round === 0) continue;
      readyMs.push(ms);
      idleMiB.push(mib);
    }
    return [
      { what: 'ready', unit: 'ms', ours: median(readyMs), target: { kind: 'value', atMost: READY_MS } },
      { what: 'idle memory', unit: 'MiB', ours: median(idleMiB), target: { kind: 'value', atMost: IDLE_MIB } },
    ];
  },
};

export default claim;
