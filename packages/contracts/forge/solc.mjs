#!/usr/bin/env node
// The compiler as forge calls it: `--version`, or `--standard-json` with the input on standard input. No download is needed.
import { readFileSync, writeSync } from 'node:fs';
import solc from 'solc';

if (process.argv.includes('--version')) {
  writeSync(1, `solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else {
  const output = Buffer.from(solc.compile(readFileSync(0, 'utf8')));
  for (let at = 0; at < output.length; ) at += writeSync(1, output, at);
}
