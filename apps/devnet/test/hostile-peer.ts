import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PROJECT_ROOT } from '../src/index.ts';

/**
 * A peer that lies, in a process of its own. It speaks `/codex/blockexc/1.0.0` through the stand-in for the reference
 * node that the exchange is tested against, so its program runs from that package's folder.
 */
const PROGRAM = `
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { blockCidOf, encode, entry, hexOf, leafAddress, PROTOCOL, proofOf, ReferencePeer, treeOf } from './test/reference-peer.ts';

// What the other side sends may not suit the stand-in either: it goes on lying.
process.on('uncaughtException', () => {});
process.on('unhandledRejection', () => {});
const BLOCK = 65536;
const peer = await ReferencePeer.start();
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const addManifest = (bytes) => {
  const cid = Buffer.concat([Buffer.from('01819a031220', 'hex'), sha256(bytes)]);
  peer.addPlain(cid, bytes);
  return 'f' + hexOf(cid);
};
const blocksOf = (bytes) => Array.from({ length: Math.ceil(bytes.length / BLOCK) }, (_, i) =>
  Buffer.concat([bytes.subarray(i * BLOCK, (i + 1) * BLOCK)], BLOCK));
let file;
let told = 0;
const indexOf = (fields) => fields.find(([n]) => n === 3)[1].find(([n]) => n === 3)?.[1];
const lies = {
  bytes: (fields) => fields.map(([n, value]) => (n === 2 ? [2, Buffer.alloc(BLOCK, 7)] : [n, value])),
  proof: (fields) => fields.map(([n, value]) => (n === 4 ? [4, proofOf(file.tree, (indexOf(fields) + 1) % file.blocks.length)] : [n, value])),
  index: (fields) => {
    const other = (indexOf(fields) + 1) % file.blocks.length;
    const real = { 1: blockCidOf(sha256(file.blocks[other])), 2: file.blocks[other], 4: proofOf(file.tree, other) };
    return fields.map(([n, value]) => [n, real[n] ?? value]);
  },
  manifest: (fields) => fields.map(([n, value]) => [n, n === 2 ? Buffer.alloc(0) : value]),
  nothing: () => { throw new Error('says nothing'); },
};
const commands = {
  manifest: ({ hex }) => ({ cid: addManifest(Buffer.from(hex, 'hex')) }),
  file: ({ path, lie }) => {
    const bytes = readFileSync(path);
    const blocks = blocksOf(bytes);
    file = { blocks, tree: treeOf(blocks) };
    peer.add(blocks, file.tree);
    const header = encode([[1, file.tree.treeCid], [2, BLOCK], [3, bytes.length], [4, 0xcd02], [5, 0x12], [6, 2]]);
    peer.tamper = (fields) => {
      const isLeaf = fields.some(([n]) => n === 4);
      if (isLeaf === (lie === 'manifest')) return fields;
      told++;
      return lies[lie](fields);
    };
    return { cid: addManifest(encode([[1, header]])) };
  },
  raw: async ({ hex }) => {
    const stream = await peer.node.getConnections()[0].newStream(PROTOCOL);
    stream.send(Buffer.from(hex, 'hex'));
    return {};
  },
  told: () => ({ told }),
  connected: () => ({ connected: peer.node.getConnections().length > 0 }),
  wants: async ({ lists, perList }) => {
    let sent = 0;
    for (let list = 0; list < lists; list++) {
      const tree = Buffer.concat([Buffer.from('01839a031220', 'hex'), sha256(Buffer.from('tree ' + list))]);
      const wants = Array.from({ length: perList }, (_, i) => entry(leafAddress(tree, i), 0));
      const isSent = await peer.wants(wants).then(() => true, () => false);
      if (!isSent) break;
      sent += perList;
    }
    return { sent };
  },
};
const say = (line) => process.stdout.write(JSON.stringify(line) + '\\n');
say({ peerId: peer.node.peerId.toString(), addrs: peer.node.getMultiaddrs().map(String) });
for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...args } = JSON.parse(line);
  try { say(await commands[command](args)); } catch (error) { say({ error: String(error) }); }
}
process.exit(0);
`;

type Reply = Record<string, unknown>;

export class HostilePeer {
  readonly peerId: string;
  readonly addrs: string[];
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, hello: Reply) {
    this.#child = child;
    this.#lines = lines;
    this.peerId = hello.peerId as string;
    this.addrs = hello.addrs as string[];
  }

  static async start(): Promise<HostilePeer> {
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', PROGRAM], {
      cwd: join(PROJECT_ROOT, 'packages', 'exchange'),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const { value } = await lines.next();
    return new HostilePeer(child, lines, JSON.parse(value ?? '{}') as Reply);
  }

  /** The commands are the functions of the program above; one at a time. */
  async do(command: string, args: Reply = {}): Promise<Reply> {
    this.#child.stdin!.write(`${JSON.stringify({ command, ...args })}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('The hostile peer has ended');
    const reply = JSON.parse(value ?? '{}') as Reply;
    if (reply.error) throw new Error(String(reply.error));
    return reply;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
