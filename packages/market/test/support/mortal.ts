import type { Cancel, Clock } from '@codex/runtime';

/** How often a process has called something outside itself, and at which call it dies: before its effect, or after it and before the answer. */
export interface Death {
  readonly atCall: number;
  readonly after: boolean;
}

/** Methods that answer at once: nothing can come between. */
const AT_ONCE: ReadonlySet<string> = new Set(['get', 'list', 'now', 'reservedBytes']);

const NEVER = new Promise<never>(() => {});

/**
 * A process that can be killed between any two awaits: everything that it is given goes through here, and when it is dead nothing that it
 * does has an effect, nothing answers it, no event and no timer reaches it.
 */
export class Mortal {
  calls = 0;
  #death: Death | undefined;
  #dead = false;

  constructor(death?: Death) {
    this.#death = death;
  }

  get dead(): boolean {
    return this.#dead;
  }

  kill(): void {
    this.#dead = true;
  }

  /** `target` with every method that returns a promise guarded; functions among the arguments are its listeners. */
  guard<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (_, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value === 'object' && value !== null && name === 'clock') return this.guard(value);
        if (typeof value !== 'function') return value;
        if (AT_ONCE.has(String(name))) return value.bind(target);
        return (...args: unknown[]) =>
          this.#call(() =>
            value.apply(
              target,
              args.map((arg) => this.#listener(arg)),
            ),
          );
      },
    });
  }

  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      schedule: (delayMs, run): Cancel => clock.schedule(delayMs, () => this.#dead || run()),
      sleep: (delayMs, options) =>
        clock.sleep(delayMs, options).then(
          () => (this.#dead ? NEVER : undefined),
          (error) => (this.#dead ? NEVER : Promise.reject(error)),
        ),
    };
  }

  #call(run: () => unknown): unknown {
    if (this.#dead) return NEVER;
    const { atCall, after } = this.#death ?? { atCall: -1, after: false };
    const dies = ++this.calls === atCall;
    if (dies && !after) {
      this.#dead = true;
      return NEVER;
    }
    const result = run();
    if (!(result instanceof Promise)) return result;
    const answer = result.then(
      (value) => (this.#dead ? NEVER : value),
      (error) => (this.#dead ? NEVER : Promise.reject(error)),
    );
    if (!dies) return answer;
    answer.catch(() => {});
    this.#dead = true;
    return NEVER;
  }

  #listener(arg: unknown): unknown {
    if (typeof arg !== 'function') return arg;
    return (...args: unknown[]) => (this.#dead ? NEVER : arg(...args));
  }
}
