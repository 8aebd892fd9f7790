/** What a measurement is held against. */
export type Target =
  | { readonly kind: 'ratio' /** ours / rival at least (rates) */; readonly atLeast: number }
  | { readonly kind: 'value'; readonly atLeast?: number; readonly atMost?: number };

/** One line of the result. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  readonly rival?: { readonly name: string; readonly value: number };
  /** Absent: the line is shown for information. */
  readonly target?: Target;
}

export interface BenchContext {
  /** Bytes of the file that is moved. */
  readonly sizeBytes: number;
  readonly sizeGiven: boolean;
  /** Samples of the proofs, one measurement for each number; absent: as the claim says. */
  readonly samples?: readonly number[] | undefined;
  readonly rounds: number;
  /** A short run, to see that everything works: its figures are not to be quoted. */
  readonly quick: boolean;
  /** A temporary directory, deleted afterwards. */
  readonly directory: string;
  readonly signal: AbortSignal;
  /** Added to the environment of our nodes. */
  readonly nodeEnv: Readonly<Record<string, string>>;
  /** Flags of Node for our nodes, to see what they change; usually none. */
  readonly nodeFlags: readonly string[];
  /** Says on stderr what is going on. */
  note(text: string): void;
  /** An SVG that goes with the figures; kept where they are recorded. */
  plot(svg: string): void;
}

/** One claim of the project and how it is measured: what every `bench/<claim>/run.ts` exports as default. */
export interface Claim {
  readonly name: string;
  readonly question: string;
  /** Bytes without `--size`. */
  readonly sizeBytes: number;
  run(context: BenchContext): Promise<Row[]>;
}

/** ours / rival, or undefined where there is no rival. */
export const ratioOf = (row: Row): number | undefined => (row.rival ? row.ours / row.rival.value : undefined);

/** Whether the line meets its target; undefined when it has none. */
export function passes(row: Row): boolean | undefined {
  if (!row.target) return undefined;
  if (row.target.kind === 'ratio') return (ratioOf(row) ?? 0) >= row.target.atLeast;
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = row.target;
  return row.ours >= atLeast && row.ours <= atMost;
}
