import type { Cancel, Clock, Logger, Startable } from '@codex/runtime';

/** Runs the upkeep of a repository at start and then at an interval, never twice at once (03 §6). */
export class Maintenance implements Startable {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  readonly #work: () => Promise<void>;
  #cancel: Cancel | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(components: { clock: Clock; logger: Logger }, init: { intervalMs: number; work: () => Promise<void> }) {
    this.#clock = components.clock;
    this.#logger = components.logger;
    this.#intervalMs = init.intervalMs;
    this.#work = init.work;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#running;
  }

  /** Resolves when the run that is under way has ended. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      await this.#work();
    } catch (error) {
      if (!this.#stopped) this.#logger.warn('Maintenance failed', { error });
    }
    if (this.#stopped) return;
    this.#cancel = this.#clock.schedule(this.#intervalMs, () => {
      this.#running = this.#run();
    });
  }
}
