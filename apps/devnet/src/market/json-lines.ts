/** Writes events as lines of JSON; amounts of tokens become strings. */
export const sayJson = (write: (line: string) => void) => (event: string, data: Record<string, unknown>) =>
  write(
    `${JSON.stringify({ event, ...data }, (_, value) => (typeof value === 'bigint' ? value.toString() : value))}\n`,
  );
