import { expect, it } from 'vitest';
import { CodexError, isCodexError, noMetrics, RUNTIME_ERRORS, silentLogger } from '../src/index.ts';

class NarrowError extends CodexError {
  override readonly name = 'NarrowError';
}

it('a coded error survives a trip as plain data', () => {
  const cause = new Error('below');
  const error = new NarrowError('SOME_CODE', 'Something', { size: 3 }, { cause });
  expect(error.cause).toBe(cause);
  const copy = CodexError.fromObject(structuredClone(error.toObject()));
  expect(copy.toObject()).toEqual({ code: 'SOME_CODE', message: 'Something', data: { size: 3 } });
  expect(isCodexError(copy)).toBe(true);
  expect(isCodexError(copy, 'OTHER', 'SOME_CODE')).toBe(true);
  expect(isCodexError(copy, 'OTHER')).toBe(false);
  expect(isCodexError(new Error('plain'))).toBe(false);
  expect(isCodexError({ code: 'SOME_CODE', message: '', data: {} })).toBe(false);
});

it('the codes of the package are described', () => {
  for (const [code, meaning] of Object.entries(RUNTIME_ERRORS)) {
    expect(code).toMatch(/^[A-Z][A-Z_]+$/);
    expect(meaning.length).toBeGreaterThan(10);
  }
});

it('the silent defaults do nothing, and can be narrowed', () => {
  silentLogger.child('topic').warn('nobody hears this', { why: 1 });
  expect(silentLogger.isEnabled('fatal')).toBe(false);
  noMetrics.counter({ name: 'a', help: '' }).inc();
  noMetrics.gauge({ name: 'b', help: '' }).set(1);
  noMetrics.histogram({ name: 'c', help: '', buckets: [1] }).observe(1);
});
