import { MONTGOMERY } from '../kernel/constants.ts';
import { scalarField as f } from '../reference/prime-field.ts';

export const ELEMENT_BYTES = 32;

/** What makes a product of two elements, neither of which is in Montgomery form, come out in none: R². */
export const MONTGOMERY_SQUARE = f.multiply(f.of(MONTGOMERY), f.of(MONTGOMERY));
