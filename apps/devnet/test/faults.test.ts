import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isCodexError } from '@codex/runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseDemoArguments } from '../src/arguments.ts';
import { runDemo } from '../src/demo.ts';
import { startNetwork } from '../src/index.ts';
import { checkSpace, openSource } from '../src/source-file.ts';
import { isAlive, STUB } from './processes.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'devnet-test-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const stub = (mode: string, more: object = {}) =>
  startNetwork({ command: STUB, args: [`--stub=${mode}`], directory, ...more });
const codeOf = async (work: Promise<unknown>) =>
  work.then(() => 'none').catch((error) => (isCodexError(error) ? error.code : String(error)));
const smallFile = () => {
  const path = join(directory, 'file');
  writeFileSync(path, 'some file contents');
  return path;
};

describe('nodes that misbehave', () => {
  it('says what a node printed before it died, and leaves nothing running', async () => {
    const error = await stub('exit').catch((reason) => reason);
    expect(error.code).toBe('NODE_EXITED');
    expect(error.message).toContain('exit code 7');
    expect(error.data.tail).toContain('the disk is on fire');
  });

  it('gives up on a node that never gets ready', async () => {
    expect(await codeOf(stub('hang', { nodes: 1, readyDeadlineMs: 500 }))).toBe('NODE_NOT_READY');
  });

  it('says when the program of a node cannot be started', async () => {
    expect(await codeOf(stub('', { command: [join(directory, 'nothing')] }))).toBe('NODE_EXITED');
  });

  it('kills a node that does not stop', async () => {
    const network = await stub('stubborn', { nodes: 2, stopDeadlineMs: 200 });
    const pids = network.nodes.map((node) => node.pid);
    expect(pids.map(isAlive)).toEqual([true, true]);
    await network.stop();
    expect(pids.map(isAlive)).toEqual([false, false]);
  });

  it('stops the start when it is told to', async () => {
    const abort = new AbortController();
    const started = stub('hang', { nodes: 2, signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(started).rejects.toThrow('enough');
  });

  it.each([
    ['corrupt', 'CONTENT_DIFFERS'],
    ['truncate', 'NODE_UNREACHABLE'],
    ['refuse', 'NODE_REFUSED'],
  ])('notices a node that does this: %s', async (mode, code) => {
    await using network = await stub(mode, { nodes: 2 });
    expect(await codeOf(runDemo(network, await openSource(smallFile())))).toBe(code);
  });

  it('refuses to start a node twice, and to ask a node that never ran', async () => {
    await using network = await stub('', { nodes: 1 });
    const [node] = network.nodes;
    expect(await codeOf(node!.start())).toBe('NODE_STATE');
    await network.kill9(node!);
    expect(() => node!.pid).toThrow('not running');
  });

  it('keeps ports and deletes what was temporary', async () => {
    // A place of its own for temporary directories: other tests make theirs at the same time.
    vi.stubEnv('TMPDIR', directory);
    const network = await startNetwork({ command: STUB, nodes: 1 });
    const [node] = network.nodes;
    const { url, pid } = node!;
    await network.restart(node!);
    expect(node!.url).toBe(url);
    expect(node!.pid).not.toBe(pid);
    expect(isAlive(pid)).toBe(false);
    await network.stop();
    vi.unstubAllEnvs();
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('files that cannot be stored', () => {
  it.each([
    ['a missing one', () => join(directory, 'nothing')],
    ['a directory', () => directory],
    ['a device', () => '/dev/null'],
    [
      'an empty one',
      () => {
        writeFileSync(join(directory, 'empty'), '');
        return join(directory, 'empty');
      },
    ],
  ])('refuses %s', async (_, path) => {
    expect(await codeOf(openSource(path()))).toBe('FILE_UNUSABLE');
  });

  it('refuses copies that do not fit on the disk', async () => {
    const source = { path: 'x', name: 'x', size: 2 ** 50 };
    expect(await codeOf(checkSpace(source, 3, directory))).toBe('NO_DISK_SPACE');
    expect(await codeOf(checkSpace({ ...source, size: 1 }, 3, directory))).toBe('none');
  });
});

describe('the command line', () => {
  it('has its defaults', () => {
    expect(parseDemoArguments([])).toEqual({
      file: undefined,
      nodes: 3,
      once: false,
      json: false,
      keep: undefined,
      help: false,
      show: 'story',
      scenario: undefined,
      hosts: 6,
    });
    expect(parseDemoArguments(['--nodes', '5'])).toMatchObject({ show: 'network', nodes: 5 });
    expect(parseDemoArguments(['--network'])).toMatchObject({ show: 'network', nodes: 3 });
    expect(parseDemoArguments(['--scenario', 'host-dies'])).toMatchObject({ show: 'scenario', scenario: 'host-dies' });
    expect(parseDemoArguments(['a', '--nodes', '5', '--once', '--keep', 'd'])).toMatchObject({
      file: 'a',
      nodes: 5,
      once: true,
      keep: 'd',
    });
  });

  it.each([
    ['--nodes', '1'],
    ['--network', '--hosts', '6'],
    ['--scenario', 'host-dies', '--hosts', '6'],
    ['--nodes', 'many'],
    ['--nodes', '51'],
    ['a', 'b'],
    ['--unknown'],
    ['--keep='],
    ['--keep'],
  ])('refuses %s %s', (...args) => {
    expect(() => parseDemoArguments(args)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('refuses networks without nodes', async () => {
    expect(await codeOf(stub('', { nodes: 0 }))).toBe('USAGE');
    expect(await codeOf(stub('', { nodes: 1.5 }))).toBe('USAGE');
  });
  it('refuses a directory that cannot be made', async () => {
    expect(await codeOf(startNetwork({ command: STUB, directory: join(smallFile(), 'inside') }))).toBe(
      'DIRECTORY_UNUSABLE',
    );
  });
});
