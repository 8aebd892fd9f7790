export { type NodeArguments, parseArguments, type RawValues } from './arguments.ts';
export { optionHelp } from './help.ts';
export { type ConfigInputs, type LoadedConfig, loadConfig, type OptionSource } from './load.ts';
export { type Address, formatAddress, parseAddress, parsePeerAddress } from './multiaddr.ts';
export type { NatSetting, OptionType } from './option-types.ts';
export {
  defaultDataDir,
  environmentName,
  LATER_OPTIONS,
  LATER_SUBCOMMANDS,
  type NodeConfig,
  OPTIONS,
  type Option,
  type OptionName,
} from './options.ts';
