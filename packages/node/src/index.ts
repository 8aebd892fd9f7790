export { type BuildInfo, readBuildInfo, versionText } from './build-info.ts';
export { CodexNode, type NodeOverrides } from './codex-node.ts';
export {
  defaultDataDir,
  environmentName,
  type LoadedConfig,
  loadConfig,
  type NodeConfig,
  OPTIONS,
  optionHelp,
  parseArguments,
} from './config/index.ts';
export { NODE_ERRORS, NodeError, type NodeErrorCode } from './errors.ts';
export { NodeLog, type NodeLogInit } from './logging/index.ts';
export { runNode } from './run-node.ts';
