import type { Terminal } from '../terminal.ts';
import { sayJson } from './json-lines.ts';
import { moneyRows, sentence } from './market-report.ts';
import type { Scenario, ScenarioResult } from './scenarios/index.ts';
import type { StoryListener } from './scene.ts';
import type { Sight } from './sight.ts';

/** What a run of a scenario tells the person, or the program, that started it. */
export interface ScenarioReport extends StoryListener {
  begin(scenario: Scenario): void;
  /** `name` is that of whoever sent the call. */
  sight(sight: Sight, name: string): void;
  summary(result: ScenarioResult): void;
}

/** Lines for people. */
export function terminalScenarioReport(terminal: Terminal): ScenarioReport {
  return {
    begin: ({ title }) => terminal.heading(title),
    chapter: (title) => terminal.heading(title),
    step: (text) => terminal.done(text),
    sight: (sight, name) => terminal.line(terminal.style('dim', `     ${sentence(sight, name)}`)),
    summary(result) {
      const { calls, reverted, proofs, missed } = result;
      terminal.heading('Who has more or less than before, in units of the token');
      for (const line of moneyRows(result)) terminal.line(line);
      terminal.line();
      terminal.done(
        `${calls} calls, ${reverted} of them refused; ${proofs} proofs, ${missed} missed; every balance is what the model says`,
      );
    },
  };
}

/** One JSON object per line for programs; amounts are strings. */
export function jsonScenarioReport(write: (line: string) => void): ScenarioReport {
  const say = sayJson(write);
  return {
    begin: ({ name, title, hosts }) => say('begin', { scenario: name, title, hosts }),
    chapter: (title) => say('chapter', { title }),
    step: (text) => say('step', { text }),
    sight: ({ args: _, ...sight }, name) => say('call', { name, ...sight }),
    summary: (result) => say('done', { ...result }),
  };
}
