import { processorMs } from '../src/process-usage.ts';
import { RivalProcess } from '../src/rival-process.ts';
import type { Answer, Files, Question } from './answer.ts';

/** A prover in a process of its own. */
export class Contender {
  readonly name: string;
  readonly #process: RivalProcess;

  private constructor(name: string, process: RivalProcess) {
    this.name = name;
    this.#process = process;
  }

  static async start(name: string, module: URL, files: Files): Promise<Contender> {
    const contender = new Contender(name, new RivalProcess(module, [JSON.stringify(files)]));
    await contender.#process.next();
    return contender;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Processor time since it began, ms. */
  get processorMs(): number {
    return processorMs(this.pid);
  }

  async ask(question: Question): Promise<Answer> {
    const answer = await this.#process.ask<Answer>(question);
    if (answer.error !== undefined) throw new Error(`${this.name}, ${question.step}: ${answer.error}`);
    return answer;
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }
}
