import type { NetworkEvent } from '../network.ts';
import type { SourceFile } from '../source-file.ts';
import type { Terminal } from '../terminal.ts';
import { formatBytes, formatDuration } from '../units.ts';
import type { MoneyResult } from './check-money.ts';
import { sayJson } from './json-lines.ts';
import type { MarketChain } from './market-chain.ts';
import { LOSS_WANTED, type Outlook, outlookOf } from './outlook.ts';
import { STORY_PACE } from './rules.ts';
import type { StoryListener } from './scene.ts';
import type { Sight } from './sight.ts';
import { type StoryResult, TERMS } from './story.ts';

/** What a run of the story tells the person, or the program, that started it. */
export interface MarketReport extends StoryListener {
  begin(hosts: number): void;
  chain(chain: MarketChain): void;
  event(event: NetworkEvent): void;
  /** `name` is that of whoever sent the call. */
  sight(sight: Sight, name: string): void;
  summary(result: StoryResult, ms: number): void;
}

const NUMBER = new Intl.NumberFormat('en');

/** Lines for people. */
export function terminalMarketReport(terminal: Terminal, source: SourceFile): MarketReport {
  const aside = (text: string) => terminal.line(terminal.style('dim', `     ${text}`));
  const row = (name: string, text: string) => terminal.line(`  ${name.padEnd(12)} ${text}`);
  return {
    begin: (hosts) => terminal.heading(`A marketplace on this machine: a chain, a client, a validator, ${hosts} hosts`),
    chain: ({ url, marketplace }) => {
      terminal.done(`the chain is at ${url}, its marketplace at ${marketplace}`);
      aside(`proofs are due every ${STORY_PACE.periodSeconds} s; their key is for tests only`);
    },
    event(event) {
      if (event.type === 'ready') terminal.done(`${event.node.name} is ready after ${formatDuration(event.ms)}`);
      else if (event.type === 'joined') terminal.done(`all ${event.nodes.length} nodes have found each other`);
    },
    chapter: (title) => terminal.heading(title),
    step: (text) => terminal.done(text),
    sight: (sight, name) => aside(sentence(sight, name)),
    summary(result, ms) {
      const { nodes, tolerance } = TERMS;
      terminal.heading('What happened');
      row('file', `${source.name}, ${formatBytes(source.size)}; any ${nodes - tolerance} of ${nodes} slots restore it`);
      row('CID', terminal.style('bold', result.cid));
      row('SHA-256', result.sha256);
      row('lost', `${result.lost}, killed; ${result.repairSeconds} s later ${result.repairedBy} had its slot`);
      row('proofs', `${result.proofs} were verified by the chain, ${result.missed} were missed`);
      row('calls', `${result.calls} of the marketplace, ${result.reverted} of them refused`);
      row('time', `${result.seconds} s on the chain, ${formatDuration(ms)} in all`);
      terminal.heading('In a network whose hosts last a year, and whose repairs take a day');
      for (const [name, text] of outlookRows(outlookOf(TERMS, source.size))) row(name, text);
      terminal.heading('Who has more or less than before, in units of the token');
      for (const line of moneyRows(result)) terminal.line(line);
      terminal.line();
      terminal.done('every balance is what the model of the rules says, to the last unit');
    },
  };
}

/** What the planner says of the story's code, and of a better one. */
function outlookRows({ loss, plan }: Outlook): [string, string][] {
  const { nodes, tolerance } = TERMS;
  const rows: [string, string][] = [
    [`${nodes - tolerance} of ${nodes} slots`, `lose the file within a year with a chance of ${loss.toExponential(1)}`],
  ];
  if (plan) {
    const each = formatBytes(plan.storedBytes / plan.nodes);
    const every = formatDuration(plan.proofInterval * 1000);
    rows.push([
      `${plan.data} of ${plan.nodes} slots`,
      `with a chance below ${LOSS_WANTED.toExponential(0)}: ${each} each, proved every ${every}`,
    ]);
  }
  return rows;
}

/** Who has more or less than before. */
export const moneyRows = ({ money, left }: MoneyResult): string[] =>
  [...money, { name: 'marketplace', change: left }].map(
    ({ name, change }) => `  ${name.padEnd(12)} ${signed(change).padStart(20)}`,
  );

const signed = (amount: bigint) => `${amount > 0n ? '+' : ''}${NUMBER.format(amount)}`;

/** What a call means, in words. */
export function sentence({ call, ok, slotIndex, transfers, events }: Sight, name: string): string {
  if (!ok) return `${name}: the chain refused ${call}`;
  const moved = NUMBER.format(transfers.reduce((sum, { amount }) => sum + amount, 0n));
  const slot = `slot ${slotIndex}`;
  switch (call) {
    case 'requestStorage':
      return `${name} asks for storage, and pays ${moved} in advance`;
    case 'reserveSlot':
      return `${name} reserves ${slot}`;
    case 'fillSlot':
      return `${name} has ${slot}, proves it, and puts up ${moved}`;
    case 'submitProof':
      return `${name} proves ${slot}`;
    case 'markProofAsMissing':
      return `${name} reports a missed proof of ${slot}, and gets ${moved}${events.includes('SlotFreed') ? '; the slot is taken away' : ''}`;
    case 'freeSlot':
      return `${name} gets ${moved} for ${slot}, its collateral included`;
    case 'withdrawFunds':
      return `${name} gets ${moved} back`;
    default:
      return `${name}: ${call}`;
  }
}

/** One JSON object per line for programs; amounts are strings. */
export function jsonMarketReport(write: (line: string) => void, source: SourceFile): MarketReport {
  const say = sayJson(write);
  return {
    begin: (hosts) => say('begin', { hosts }),
    chain: ({ url, marketplace, token, pid }) => say('chain', { url, marketplace, token, pid }),
    event(event) {
      if (event.type === 'ready') {
        const { name, url, peerId, pid } = event.node;
        say('ready', { node: name, url, peerId, pid, ms: event.ms });
      } else if (event.type === 'joined') say('joined', { nodes: event.nodes.length });
    },
    chapter: (title) => say('chapter', { title }),
    step: (text) => say('step', { text }),
    sight: ({ args: _, ...sight }, name) => say('call', { name, ...sight }),
    summary: (result, ms) => say('done', { ...result, outlook: outlookOf(TERMS, source.size), ms }),
  };
}
