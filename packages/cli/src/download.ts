import { storedName } from './content-headers.ts';
import type { Context } from './context.ts';
import { OutputFile, outputPath } from './output-file.ts';
import { openFileSink, openStreamSink } from './sink.ts';
import { Transfer } from './transfer.ts';

export interface DownloadOptions {
  /** File, directory, or `-`; default: the stored name in the working directory. */
  readonly output?: string;
  /** Only what the node holds itself. */
  readonly local?: boolean;
  /** Replace an existing file. */
  readonly force?: boolean;
}

export interface Downloaded {
  readonly cid: string;
  /** `-` for standard output. */
  readonly file: string;
  readonly bytes: number;
  /** Bytes that an earlier run had brought. */
  readonly resumed: number;
  readonly seconds: number;
}

/**
 * Downloads a dataset. A broken transfer goes on where it stopped, within the run and in a later one; the final name
 * appears only with all bytes. Errors: FILE_EXISTS, FILE_UNWRITABLE, OUTPUT_CLOSED, TRANSFER_INCOMPLETE and those of
 * ApiClient.open.
 */
export async function downloadFile(context: Context, cid: string, options: DownloadOptions): Promise<Downloaded> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const path = `/data/${encodeURIComponent(cid)}${options.local ? '' : '/network/stream'}`;
  const transfer = new Transfer(context, { path, label: cid });
  const stream = await openStreamSink(options.output);
  if (stream) {
    try {
      await transfer.run(stream, 0);
    } finally {
      await stream.close();
    }
    return { cid, file: options.output ?? '-', bytes: transfer.done, resumed: 0, seconds: seconds() };
  }
  // Without a file name of the user's, the first answer tells the name, and with it whether there is a part already.
  const named = options.output !== undefined && outputPath(options.output, 'name', cid) === options.output;
  const first = named ? undefined : await transfer.open(0);
  try {
    const file = new OutputFile(outputPath(options.output, first && storedName(first.headers), cid), {
      cid,
      force: options.force ?? false,
    });
    await file.check();
    const resumed = await file.held();
    if (resumed > 0) first?.destroy();
    // Asked before the file is made: a CID that nobody has leaves nothing behind.
    const response = resumed > 0 || !first ? await transfer.open(resumed) : first;
    const sink = await openFileSink(file.partPath);
    try {
      await transfer.run(sink, resumed, response);
    } finally {
      await sink.close();
    }
    await file.finish();
    return { cid, file: file.path, bytes: transfer.done, resumed, seconds: seconds() };
  } finally {
    first?.destroy();
  }
}
