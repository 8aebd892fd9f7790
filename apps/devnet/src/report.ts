import { relative } from 'node:path';
import type { DemoListener, DemoResult } from './demo.ts';
import type { Network, NetworkEvent } from './network.ts';
import { PROJECT_ROOT } from './node-command.ts';
import type { SourceFile } from './source-file.ts';
import type { Progress, Terminal } from './terminal.ts';
import { formatBytes, formatDuration, formatRate } from './units.ts';

/** What a run tells the person, or the program, that started it. */
export interface Report extends DemoListener {
  begin(nodes: number): void;
  event(event: NetworkEvent): void;
  summary(network: Network, source: SourceFile, result: DemoResult, stays: boolean): void;
  stopping(): void;
}

/** Lines for people. */
export function terminalReport(terminal: Terminal, source: SourceFile): Report {
  let progress: Progress | undefined;
  let first = true;
  const follow = (label: string) => {
    const bar = terminal.progress(label, source.size);
    progress = bar;
    return (bytes: number) => bar.update(bytes);
  };
  const step = (text: string, bytes: number, ms: number) => {
    progress?.done();
    terminal.done(
      `${text}  ${formatBytes(bytes)} in ${formatDuration(ms)}, ${terminal.style('bold', formatRate(bytes, ms))}`,
    );
  };
  return {
    begin: (nodes) => terminal.heading(`A Codex network of ${nodes} nodes on this machine`),
    event(event) {
      if (event.type === 'ready') {
        terminal.done(`${event.node.name} is ready at ${event.node.url} after ${formatDuration(event.ms)}`);
        if (first) terminal.line(`     the others get its record, and nothing else: ${shortened(event.node.spr)}`);
        first = false;
      } else if (event.type === 'joined') {
        for (const { node, knows } of event.nodes) terminal.done(`${node.name} found ${knows.join(', ')}`);
        terminal.heading(`${source.name}, ${formatBytes(source.size)}`);
      } else {
        terminal.done('connected with each other over libp2p');
      }
    },
    storing: (node) => follow(`storing on ${node.name}`),
    stored: ({ node, bytes, ms }) => step(`stored on ${node}  `, bytes, ms),
    fetching: (node) => follow(`fetching on ${node.name}`),
    fetched: ({ node, bytes, ms }) => step(`fetched on ${node} `, bytes, ms),
    summary(network, file, result, stays) {
      const [first] = network.nodes;
      const last = network.nodes.at(-1);
      terminal.done(`all ${network.nodes.length} copies are identical`);
      terminal.line();
      terminal.line(`  CID      ${terminal.style('bold', result.cid)}`);
      terminal.line(`  SHA-256  ${result.sha256}`);
      if (!stays || !first || !last) return;
      const codex = relative(process.cwd(), `${PROJECT_ROOT}bin/codex`) || 'bin/codex';
      const show = (command: string) => terminal.line(`  ${terminal.style('cyan', command)}`);
      terminal.heading('Talk to the nodes');
      for (const node of network.nodes)
        terminal.line(`  ${node.name}  ${node.url}/api/codex/v1  (log: ${node.logFile})`);
      terminal.line();
      show(`${codex} ls --api-port ${first.apiPort}`);
      show(`${codex} download ${result.cid} --api-port ${last.apiPort} -o copy-of-${file.name}`);
      show(`curl ${first.url}/api/codex/v1/data`);
      show(`curl ${last.url}/api/codex/v1/data/${result.cid}/network/stream -o copy-of-${file.name}`);
      terminal.line();
      terminal.line('Ctrl-C stops the network.');
    },
    stopping() {
      progress?.done();
      terminal.line();
      terminal.line('Stopping the nodes.');
    },
  };
}

/** Enough of a record to see that it is one. */
const shortened = (spr: string) => `${spr.slice(0, 24)}…`;

/** One JSON object per line for programs. */
export function jsonReport(write: (line: string) => void): Report {
  const say = (event: string, data: Record<string, unknown>) => write(`${JSON.stringify({ event, ...data })}\n`);
  return {
    begin: (nodes) => say('begin', { nodes }),
    event(event) {
      if (event.type === 'connected') say('connected', { nodes: event.nodes });
      else if (event.type === 'joined')
        say('joined', { nodes: event.nodes.map(({ node, knows }) => ({ node: node.name, knows })) });
      else
        say('ready', {
          node: event.node.name,
          url: event.node.url,
          peerId: event.node.peerId,
          pid: event.node.pid,
          ms: event.ms,
        });
    },
    stored: (step) => say('stored', { ...step }),
    fetched: (step) => say('fetched', { ...step }),
    summary: (network, source, result) =>
      say('done', {
        cid: result.cid,
        sha256: result.sha256,
        bytes: source.size,
        copies: network.nodes.length,
        identical: true,
      }),
    stopping: () => say('stopping', {}),
  };
}
