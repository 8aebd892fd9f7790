import { CodexError } from './errors.ts';

/** What can be started and stopped. Both may be called once; `stop` must also clean up after a failed `start`. */
export interface Startable {
  start(): Promise<void> | void;
  stop(): Promise<void> | void;
}

type State = 'new' | 'starting' | 'started' | 'stopping' | 'stopped';

/**
 * Starts parts in order and stops them in reverse. When a start fails, the parts that were started (and the one that
 * failed) are stopped before the error is passed on. Every part is stopped even when another one's stop throws.
 */
export class Lifecycle implements Startable {
  #state: State = 'new';
  #stopping: Promise<void> | undefined;
  readonly #parts: { name: string; part: Startable }[] = [];
  readonly #running: { name: string; part: Startable }[] = [];

  get state(): State {
    return this.#state;
  }

  /** Adds a part; parts start in the order in which they were added. */
  add<T extends Startable>(name: string, part: T): T {
    if (this.#state !== 'new')
      throw new CodexError('LIFECYCLE_MISUSE', `Cannot add ${name} when ${this.#state}`, { name });
    this.#parts.push({ name, part });
    return part;
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') throw new CodexError('LIFECYCLE_MISUSE', `Cannot start when ${this.#state}`);
    this.#state = 'starting';
    for (const entry of this.#parts) {
      // A stop that arrives while parts are starting ends the start.
      if ((this.#state as State) !== 'starting') throw new CodexError('LIFECYCLE_STOPPED', 'Stopped while starting');
      this.#running.push(entry);
      try {
        await entry.part.start();
      } catch (error) {
        await this.stop().catch(() => {});
        throw error;
      }
    }
    if ((this.#state as State) !== 'starting') throw new CodexError('LIFECYCLE_STOPPED', 'Stopped while starting');
    this.#state = 'started';
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    this.#state = 'stopping';
    const errors: unknown[] = [];
    for (let entry = this.#running.pop(); entry; entry = this.#running.pop()) {
      try {
        await entry.part.stop();
      } catch (error) {
        errors.push(new Error(`Stopping ${entry.name} failed`, { cause: error }));
      }
    }
    this.#state = 'stopped';
    if (errors.length > 0) throw new AggregateError(errors, 'Not everything could be stopped cleanly');
  }
}
