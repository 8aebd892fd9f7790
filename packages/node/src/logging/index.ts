export { LogLevels } from './levels.ts';
export { NodeLog, type NodeLogInit } from './node-log.ts';
