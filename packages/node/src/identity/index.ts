export { Identity } from './identity.ts';
export { loadOrCreateKey, prepareDirectory } from './key-file.ts';
export { openRecord, type PeerRecord, signRecord } from './peer-record.ts';
