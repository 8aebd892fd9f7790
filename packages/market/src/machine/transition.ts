/** One way from a state to another: the machine takes no other, and diagrams are drawn from these. */
export interface Transition<S extends string> {
  readonly from: S;
  readonly to: S;
  /** What makes it go there, in a few words. */
  readonly when: string;
}

/** Tells whether a machine may go from one state to another; staying is no transition. */
export function isAllowed<S extends string>(transitions: readonly Transition<S>[], from: S, to: S): boolean {
  return transitions.some((transition) => transition.from === from && transition.to === to);
}

/** A state diagram in Mermaid's language. */
export function stateDiagram<S extends string>(transitions: readonly Transition<S>[], initial: readonly S[]): string {
  const ends = new Set(transitions.map(({ to }) => to).filter((to) => transitions.every(({ from }) => from !== to)));
  return [
    'stateDiagram-v2',
    ...initial.map((state) => `  [*] --> ${state}`),
    ...transitions.map(({ from, to, when }) => `  ${from} --> ${to}: ${when}`),
    ...[...ends].map((state) => `  ${state} --> [*]`),
  ].join('\n');
}
