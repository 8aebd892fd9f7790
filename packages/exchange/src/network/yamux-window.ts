import type { Stream } from '@libp2p/interface';

/** What a peer may send on a stream that we opened, ahead of our reading; below the limit of a paused stream. */
const RECEIVE_WINDOW_BYTES = 4 * 2 ** 20;

/** What we use of the insides of a yamux stream; a version without them just stays at its defaults. */
interface WindowedStream extends Stream {
  recvWindow: number;
  recvWindowCapacity: number;
  sendWindowUpdate(): void;
}

function isWindowed(stream: Stream): stream is WindowedStream {
  return (
    'recvWindow' in stream &&
    typeof stream.recvWindow === 'number' &&
    'recvWindowCapacity' in stream &&
    typeof stream.recvWindowCapacity === 'number' &&
    'sendWindowUpdate' in stream &&
    typeof stream.sendWindowUpdate === 'function'
  );
}

/**
 * Gives a stream a receive window that does not make the sender wait for every hash. The library begins with 256 KiB,
 * widens by the measured round trip, which is 0 ms on fast links, and answers each data frame with a window update: the
 * frames become as small as the updates, and each update costs a noise message and a system call. Here an update leaves
 * when half of the window is used. True when the stream has such a window.
 */
export function widenWindow(stream: Stream): boolean {
  if (!isWindowed(stream)) return false;
  const update = stream.sendWindowUpdate.bind(stream);
  stream.recvWindow = Math.max(stream.recvWindow, RECEIVE_WINDOW_BYTES);
  stream.sendWindowUpdate = () => {
    if (stream.recvWindowCapacity <= stream.recvWindow / 2) update();
  };
  return true;
}
