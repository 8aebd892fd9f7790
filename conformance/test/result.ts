/** The SDK answers `{ error, data }`: the data, or a failure of the test. */
export function ok<T>(result: { error: false; data: T } | { error: true; data: Error & { code: number | null } }): T {
  if (result.error) throw new Error(`${result.data.code}: ${result.data.message}`);
  return result.data;
}

/** Code and text of a failure, or a failure of the test. */
export function failure(
  result: { error: false; data: unknown } | { error: true; data: Error & { code: number | null } },
): { code: number | null; message: string } {
  if (!result.error) throw new Error(`No error: ${JSON.stringify(result.data)}`);
  return { code: result.data.code, message: result.data.message };
}
