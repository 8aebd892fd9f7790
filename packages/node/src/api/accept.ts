/**
 * True when the most preferred type of an Accept header is `text/plain`: the only case in which `/spr` and `/peerid`
 * answer with bare text (06 §3). Equal preferences go to the one named first.
 */
export function prefersText(accept: string | undefined): boolean {
  let best: string | undefined;
  let bestWeight = 0;
  for (const part of (accept ?? '').split(',')) {
    const [type, ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    if (!type) continue;
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = q === undefined ? 1 : Number(q.slice(2));
    if (weight > bestWeight) {
      best = type;
      bestWeight = weight;
    }
  }
  return best === 'text/plain';
}

/** True when an Accept header names this very type: what is no ordinary answer is given to those only who ask for it. */
export function accepts(accept: string | undefined, type: string): boolean {
  return (accept ?? '').split(',').some((part) => part.split(';')[0]?.trim().toLowerCase() === type);
}
