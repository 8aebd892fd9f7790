import { purchaseDiagram, saleDiagram } from '@codex/market';
import { expect, it } from 'vitest';
import { generatedSection } from '../docs.ts';

it.each([
  ['purchase', purchaseDiagram()],
  ['sale', saleDiagram()],
])('docs/marketplace.md draws the %s as its machine goes', (name, diagram) => {
  const expected = `\n\`\`\`mermaid\n${diagram}\n\`\`\`\n\n`;
  expect(generatedSection('marketplace.md', `states of a ${name}`, expected)).toBe(expected);
});
