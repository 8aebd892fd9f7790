import { describe } from 'vitest';
import { createHasher, Kernel, ReferenceHasher } from '../src/index.ts';
import { hasherCompliance } from './compliance.ts';

describe('hashers', () => {
  hasherCompliance('the fused kernel', () => Kernel.make('fused')!, 100);
  hasherCompliance('the plain kernel', () => Kernel.make('plain')!, 100);
  hasherCompliance('the twin', () => new ReferenceHasher(), 5);
  hasherCompliance('the one of this thread', () => createHasher(), 5);
});
