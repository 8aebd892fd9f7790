export { parseArguments } from './arguments.ts';
export { optionHelp } from './help.ts';
export { type LoadedConfig, loadConfig } from './load.ts';
export type { NatSetting } from './option-types.ts';
export {
  defaultDataDir,
  environmentName,
  LATER_OPTIONS,
  type NodeConfig,
  OPTIONS,
  type Option,
  type OptionName,
} from './options.ts';
