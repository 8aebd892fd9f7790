import { expect, test } from 'vitest';
import { parseDuration, parseSize } from '../src/index.ts';

test.each([
  ['1', 1],
  ['2k', 2048],
  ['1.5 KiB', 1536],
  ['3b', 3],
  ['20GiB', 20 * 1024 ** 3],
  ['20gb', 20 * 1024 ** 3],
  ['0', undefined],
  ['-1', undefined],
  ['9e', undefined],
  ['1x', undefined],
  ['', undefined],
])('the size %j is %j bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each([
  ['1', 1_000],
  ['0.5s', 500],
  ['2 m', 120_000],
  ['1D', 86_400_000],
  ['2w', 1_209_600_000],
  ['0s', undefined],
  ['1y', undefined],
  ['soon', undefined],
])('the duration %j is %j ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});
