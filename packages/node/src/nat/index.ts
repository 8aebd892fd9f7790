export type { Gateway, PortMapper, PortMapping, Transport, WantedPort } from './port-mapper.ts';
export { portMappers } from './port-mappers.ts';
export { type MappedPorts, PortMappings } from './port-mappings.ts';
