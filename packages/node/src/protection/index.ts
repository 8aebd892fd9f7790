export { type CodingProgress, ProtectedData } from './protected-data.ts';
