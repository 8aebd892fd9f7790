import type { Endpoint } from '../datagram/datagram.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { SignedRecord } from '../record/signed-record.ts';

/** Weight of the last contact in `reliability` (05 §6). */
const LAST_WEIGHT = 0.1;
/**
 * Failures in a row from which a node is not told to others any more. A request is sent twice before it counts as
 * failed, so on a link that loses every tenth packet one good node in 800 is left out, until its next answer; the reference
 * leaves it out for hundreds of exchanges after one lost packet (05, "Do better").
 */
const UNSERVED_FROM_FAILURES = 2;

/** A node of the routing table, with what we know from talking to it ourselves. */
export class TableNode {
  record: SignedRecord;
  endpoint: Endpoint;
  /** A bootstrap node: never dropped. */
  pinned: boolean;
  /** It answered from `endpoint`. What others say of it never counts. */
  confirmed = false;
  /** Since the last answer. */
  failures = 0;
  /** 1 after the first answer, then a moving average of answers (1) and failures (0). */
  reliability = 0;
  /** Of the last answer or attempt, on the monotonic clock. */
  triedAtMs = 0;
  /** Whose address it has; undefined where that is not limited. */
  group: string | undefined;

  constructor(record: SignedRecord, endpoint: Endpoint, group: string | undefined, pinned: boolean) {
    this.record = record;
    this.endpoint = endpoint;
    this.group = group;
    this.pinned = pinned;
  }

  get id(): NodeId {
    return this.record.nodeId;
  }

  /** May be told to others. */
  get served(): boolean {
    return this.confirmed && this.failures < UNSERVED_FROM_FAILURES;
  }

  answered(nowMs: number): void {
    this.reliability = this.reliability === 0 ? 1 : (1 - LAST_WEIGHT) * this.reliability + LAST_WEIGHT;
    this.confirmed = true;
    this.failures = 0;
    this.triedAtMs = nowMs;
  }

  failed(nowMs: number): void {
    this.reliability *= 1 - LAST_WEIGHT;
    this.failures++;
    this.triedAtMs = nowMs;
  }
}
