/** The thread of a `WorkerPool`: takes one job at a time, loads its module on first use, answers. */
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { Job } from './job.ts';
import { errorFields, type JobReply, type JobRequest } from './protocol.ts';

/** A third of the processor time of the main thread when both want the same core. */
const WORKER_NICE = 5;

/**
 * On Linux a priority belongs to a thread: where cores are scarce, the thread that answers clients and peers goes first.
 * Elsewhere it would lower the whole process, and is left alone.
 */
if (process.platform === 'linux') setPriority(WORKER_NICE);

type AnyJob = Job<unknown, unknown>;

/** Modules that jobs came from: as many as the program has job files. */
const modules = new Map<string, Promise<Record<string, unknown>>>();

async function load({ module, name }: JobRequest): Promise<AnyJob['run']> {
  let loading = modules.get(module);
  if (!loading) {
    loading = import(module) as Promise<Record<string, unknown>>;
    modules.set(module, loading);
  }
  const exported = (await loading)[name] as AnyJob | undefined;
  if (typeof exported?.run !== 'function') throw new Error(`${module} exports no job ${name}`);
  return exported.run;
}

/** Jobs that were loaded: their runs start without another turn of the event loop. */
const loaded = new Map<string, AnyJob['run']>();

async function answer(request: JobRequest): Promise<JobReply> {
  try {
    const key = `${request.module}#${request.name}`;
    let run = loaded.get(key);
    if (!run) {
      run = await load(request);
      loaded.set(key, run);
    }
    return { id: request.id, result: request.loadOnly ? undefined : await run(request.input) };
  } catch (error) {
    return { id: request.id, error: errorFields(request, error) };
  }
}

parentPort?.on('message', async (request: JobRequest) => {
  const reply = await answer(request);
  try {
    parentPort?.postMessage(reply);
  } catch (error) {
    // The result cannot be cloned.
    parentPort?.postMessage({ id: request.id, error: errorFields(request, error) });
  }
});
