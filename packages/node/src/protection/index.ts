export { ProtectedData } from './protected-data.ts';
