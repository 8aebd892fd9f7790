export { createDiscovery } from './create-discovery.ts';
export { discoveryServices } from './discovery-services.ts';
