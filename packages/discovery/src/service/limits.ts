import type { VoteLimits } from '../address-votes.ts';
import type { LookupLimits } from '../lookup.ts';
import type { ProviderLimits } from '../providers/provider-table.ts';
import type { TableLimits } from '../table/routing-table.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

interface ServiceLimits {
  /** Lookups at one time, each with up to 12 requests under way. */
  readonly lookupsMax: number;
  /** Lookups that wait for their turn, some 1 KB each. */
  readonly lookupsWaitingMax: number;
  /** Nodes that one search asks for providers on its way; the 16 nearest are asked in any case. */
  readonly searchAskedMax: number;
  /** Providers that one search collects. */
  readonly searchFoundMax: number;
  /** New providers that a search takes of one answer, and of all nodes of one address: one liar cannot fill it. */
  readonly searchPerAnswerMax: number;
  /** Providers that end a search; the exchange keeps eight per content (04 §9). */
  readonly searchEnough: number;
  /** Addresses that must have told of providers before these can be enough: a liar has few, and a fifth of all is never all. */
  readonly searchPartiesMin: number;
  /** A search that is not over ends with what it has. */
  readonly searchDeadlineMs: number;
  /** How long an announcement has to arrive before it is checked. */
  readonly verifyAfterMs: number;
  /** Nodes that are asked whether an announcement arrived. */
  readonly verifyNodes: number;

  /** One node of the table is pinged about this often: a random time between both (05 §7). */
  readonly revalidateMinMs: number;
  readonly revalidateMaxMs: number;
  /** Nodes that wait for a free place and are pinged in the same time. */
  readonly candidatesPinged: number;
  /** Records of other nodes that are fetched at one time because they are newer than ours. */
  readonly refreshesMax: number;
  /** After this long without a lookup there is one for a random id (05 §7). */
  readonly lookupEveryMs: number;
  /** Without any answer for this long the fault is taken to be here, and nobody is dropped for it. */
  readonly offlineAfterMs: number;
  /** A node that did not answer is passed over by walks for this long, unless it is heard of. */
  readonly silentForMs: number;
  /** Such nodes that are remembered, some 0.1 KB each. */
  readonly silentMax: number;
  /** Waits between attempts to join double from one to the other. */
  readonly joinRetryMinMs: number;
  readonly joinRetryMaxMs: number;
  /** Nodes pinged at once while joining, each one handshake. */
  readonly joinParallelMax: number;
  /** Good nodes that are kept on disk: some cost nothing, and one that lives is enough to join. */
  readonly savedNodesMax: number;
  /** How often they are saved. */
  readonly saveEveryMs: number;
  /** Announcements that are dropped at once when they are over. */
  readonly expireBatchMax: number;
}

/** Everything that is bounded above the messages, with the reason. */
export interface DiscoveryLimits extends TableLimits, LookupLimits, ProviderLimits, VoteLimits, ServiceLimits {}

export const DISCOVERY_LIMITS: DiscoveryLimits = {
  bucketNodesMax: 16,
  bucketWaitingMax: 8,
  bitsPerHop: 5,
  sameAddressTableMax: 10,
  sameAddressBucketMax: 2,
  failuresReplacedMax: 2,
  failuresMax: 5,

  lookupParallelMax: 3,
  lookupSlowMs: 400,
  lookupInFlightMax: 12,
  lookupResultsMax: 16,
  lookupRequestsMax: 96,
  lookupCandidatesMax: 512,
  lookupSameAddressMax: 3,
  lookupLiesMax: 3,
  lookupDoubtfulMax: 16,
  lookupWideningsMax: 4,
  lookupDeadlineMs: 20 * SECOND,

  providerLifeMs: 24 * HOUR,
  providersMax: 100_000,
  providersPerContentMax: 200,
  providersSameAddressMax: 8,
  providersPerOriginMax: 20_000,
  providersServedMax: 40,

  voteLifeMs: 5 * MINUTE,
  votesNeeded: 10,
  votersMax: 128,

  lookupsMax: 16,
  lookupsWaitingMax: 1024,
  searchAskedMax: 40,
  searchFoundMax: 400,
  searchPerAnswerMax: 50,
  searchEnough: 16,
  searchPartiesMin: 8,
  searchDeadlineMs: 30 * SECOND,
  verifyAfterMs: SECOND / 2,
  verifyNodes: 2,

  revalidateMinMs: 5 * SECOND,
  revalidateMaxMs: 10 * SECOND,
  candidatesPinged: 2,
  refreshesMax: 8,
  lookupEveryMs: 5 * MINUTE,
  offlineAfterMs: 30 * SECOND,
  silentForMs: MINUTE,
  silentMax: 1024,
  joinRetryMinMs: SECOND,
  joinRetryMaxMs: MINUTE,
  joinParallelMax: 8,
  savedNodesMax: 200,
  saveEveryMs: 5 * MINUTE,
  expireBatchMax: 1000,
};
