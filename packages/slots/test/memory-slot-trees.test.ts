import { MemorySlotTrees } from '../src/index.ts';
import { slotTreeCompliance } from './support/compliance.ts';

slotTreeCompliance((work) => work(new MemorySlotTrees()));
