import type { Json } from '../storage/records.ts';

/** Space that a host offers (14 §1). */
export interface Availability {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** Bytes. */
  readonly totalSize: number;
  /** Bytes of it in no reservation. */
  readonly freeSize: number;
  /** Longest request that is taken, seconds. */
  readonly duration: number;
  readonly minPricePerBytePerSecond: bigint;
  readonly totalCollateral: bigint;
  /** Of `totalCollateral`, what no reservation holds and no slash took. */
  readonly totalRemainingCollateral: bigint;
  /** Only enabled ones take new slots. */
  readonly enabled: boolean;
  /** Unix seconds that no slot may outlast; 0 is no limit. */
  readonly until: number;
}

/** How the REST API shows one (14 §1); also how it is stored. */
export interface AvailabilityJson {
  readonly id: string;
  readonly totalSize: number;
  readonly freeSize: number;
  readonly duration: number;
  readonly minPricePerBytePerSecond: string;
  readonly totalCollateral: string;
  readonly totalRemainingCollateral: string;
  readonly enabled: boolean;
  readonly until: number;
}

export function availabilityJson(availability: Availability): AvailabilityJson {
  return {
    id: `0x${availability.id}`,
    totalSize: availability.totalSize,
    freeSize: availability.freeSize,
    duration: availability.duration,
    minPricePerBytePerSecond: availability.minPricePerBytePerSecond.toString(),
    totalCollateral: availability.totalCollateral.toString(),
    totalRemainingCollateral: availability.totalRemainingCollateral.toString(),
    enabled: availability.enabled,
    until: availability.until,
  };
}

/** What `availabilityJson` made, as it comes out of the store. */
export function storedAvailability(record: Json): Availability {
  const json = record as unknown as AvailabilityJson;
  return {
    ...json,
    id: json.id.slice(2),
    minPricePerBytePerSecond: BigInt(json.minPricePerBytePerSecond),
    totalCollateral: BigInt(json.totalCollateral),
    totalRemainingCollateral: BigInt(json.totalRemainingCollateral),
  };
}
