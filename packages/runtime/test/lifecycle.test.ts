import { describe, expect, it } from 'vitest';
import { Lifecycle, type Startable } from '../src/index.ts';

/** Parts that write down what happens to them. */
function parts(log: string[], failing: readonly string[] = []) {
  return (name: string): Startable => {
    const act = (what: string) => async () => {
      await Promise.resolve();
      log.push(`${what} ${name}`);
      if (failing.includes(`${what} ${name}`)) throw new Error(`cannot ${what} ${name}`);
    };
    return { start: act('start'), stop: act('stop') };
  };
}

describe('Lifecycle', () => {
  it('starts in order and stops in reverse, once', async () => {
    const log: string[] = [];
    const part = parts(log);
    const lifecycle = new Lifecycle();
    const a = part('a');
    expect(lifecycle.add('a', a)).toBe(a);
    lifecycle.add('b', part('b'));
    await lifecycle.start();
    expect(lifecycle.state).toBe('started');
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a']);
    expect(lifecycle.state).toBe('stopped');
  });

  it('stops what was started, and the one that failed, when a start fails', async () => {
    const log: string[] = [];
    const part = parts(log, ['start b', 'stop b']);
    const lifecycle = new Lifecycle();
    for (const name of ['a', 'b', 'c']) lifecycle.add(name, part(name));
    await expect(lifecycle.start()).rejects.toThrow('cannot start b');
    expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  it('stops every part even when one of them cannot', async () => {
    const log: string[] = [];
    const part = parts(log, ['stop b']);
    const lifecycle = new Lifecycle();
    for (const name of ['a', 'b', 'c']) lifecycle.add(name, part(name));
    await lifecycle.start();
    await expect(lifecycle.stop()).rejects.toMatchObject({ errors: [{ message: 'Stopping b failed' }] });
    expect(log.slice(3)).toEqual(['stop c', 'stop b', 'stop a']);
    expect(lifecycle.state).toBe('stopped');
  });

  it('ends a start that a stop overtakes', async () => {
    const log: string[] = [];
    const part = parts(log);
    const lifecycle = new Lifecycle();
    for (const name of ['a', 'b', 'c']) lifecycle.add(name, part(name));
    const starting = expect(lifecycle.start()).rejects.toMatchObject({ code: 'LIFECYCLE_STOPPED' });
    await lifecycle.stop();
    await starting;
    expect(log.filter((line) => line.startsWith('start')).map((line) => line.slice(6))).toEqual(
      log.filter((line) => line.startsWith('stop')).map((line) => line.slice(5)),
    );
    expect(lifecycle.state).toBe('stopped');
  });

  it('refuses misuse', async () => {
    const misuse = expect.objectContaining({ code: 'LIFECYCLE_MISUSE' });
    const lifecycle = new Lifecycle();
    await lifecycle.start();
    expect(() => lifecycle.add('late', parts([])('late'))).toThrow(misuse);
    await expect(lifecycle.start()).rejects.toEqual(misuse);
    await lifecycle.stop();
    await expect(lifecycle.start()).rejects.toEqual(misuse);
  });
});
