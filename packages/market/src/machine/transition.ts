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

export interface DiagramInit<S extends string> {
  /** Where machines begin. */
  readonly initial: readonly S[];
  /** Where they end besides those that no way leads from. */
  readonly ends?: readonly S[];
  /** States in a box, by its name: ways that all of them have are drawn once, from the box. */
  readonly boxes?: Readonly<Record<string, readonly S[]>>;
}

/** A state diagram in Mermaid's language. */
export function stateDiagram<S extends string>(transitions: readonly Transition<S>[], init: DiagramInit<S>): string {
  const { initial, ends = [], boxes = {} } = init;
  const final = new Set(transitions.map(({ to }) => to).filter((to) => transitions.every(({ from }) => from !== to)));
  const left = new Set(transitions);
  const take = (wanted: (transition: Transition<S>) => boolean) => {
    const taken = [...left].filter(wanted);
    for (const transition of taken) left.delete(transition);
    return taken;
  };
  const arrow = ({ from, to, when }: Transition<string>) => `${from} --> ${to}: ${when}`;
  const boxed = Object.entries<readonly S[]>(boxes).flatMap(([name, states]) => {
    const isShared = ({ to, when }: Transition<S>) =>
      states.every((from) =>
        transitions.some((other) => other.from === from && other.to === to && other.when === when),
      );
    const shared = take((transition) => states.includes(transition.from) && isShared(transition));
    const inside = take(({ from, to }) => states.includes(from) && states.includes(to));
    const once = new Map(shared.map((transition) => [transition.to, transition]));
    return [
      `  state ${name} {`,
      ...inside.map((transition) => `    ${arrow(transition)}`),
      '  }',
      ...[...once.values()].map((transition) => `  ${arrow({ ...transition, from: name })}`),
    ];
  });
  return [
    'stateDiagram-v2',
    ...initial.map((state) => `  [*] --> ${state}`),
    ...boxed,
    ...[...left].map((transition) => `  ${arrow(transition)}`),
    ...[...new Set([...ends, ...final])].map((state) => `  ${state} --> [*]`),
  ].join('\n');
}
