export * from './abi.generated.ts';
export { BYTECODE } from './bytecode.generated.ts';
