import {
  blockCount,
  datasetRef,
  decodeManifest,
  type Manifest,
  type ManifestCid,
  originalManifest,
  type Repository,
} from '@codex/content';
import { checkWish, type PurchaseTerms, type PurchaseWish } from '@codex/market';
import type { AbortOptions, Clock } from '@codex/runtime';
import { slotLayout } from '@codex/slots';
import type { ApiFetcher } from '../api/index.ts';
import type { ProtectedData } from '../protection/index.ts';
import type { StorageProofs } from '../proving/index.ts';
import { fetchManifest, hexOf } from './manifests.ts';

export interface DatasetTermsComponents {
  readonly repository: Repository;
  readonly fetcher: Pick<ApiFetcher, 'fetchBlock' | 'fetchDataset'>;
  readonly protection: Pick<ProtectedData, 'protect'>;
  readonly proofs: Pick<StorageProofs, 'build'>;
  readonly clock: Clock;
}

/** Root in its own CID (11 §3.1). */
const ROOT_BYTES = 32;
/** Hosts fetch until the expiry; clocks differ. */
const EXPIRY_MARGIN_MS = 60 * 60 * 1000;

/** Makes of a dataset and a wish what can be bought: protected, cut into slots, and kept until hosts have it (13 §2). */
export class DatasetTerms {
  readonly #c: DatasetTermsComponents;

  constructor(components: DatasetTermsComponents) {
    this.#c = components;
  }

  /** Errors: `PURCHASE_INVALID`, `ERASURE_DATASET_TOO_SMALL`, `BLOCK_NOT_FOUND`, and those of protecting and of building slots. */
  async prepare(
    cid: ManifestCid,
    wish: PurchaseWish,
    durationLimit: bigint,
    options: AbortOptions,
  ): Promise<PurchaseTerms> {
    checkWish(wish, durationLimit);
    const { clock, fetcher, proofs, repository } = this.#c;
    const manifest = await fetchManifest(fetcher, cid, options);
    const isReady = isVerifiable(manifest, wish);
    if (isReady) {
      // Renewed: the slots are those that hosts may have already.
      await fetcher.fetchDataset(await repository.openDataset(datasetRef(manifest)), options);
    }
    const verifiable = isReady
      ? { manifestCid: cid, manifest }
      : await proofs.build(await this.#protect(cid, manifest, wish, options), options);
    const { verification } = verifiable.manifest.protection!;
    const slotBytes = slotLayout(verifiable.manifest, verification!.cellSize).slotBytes;
    const keptUntil = clock.now() + Number(wish.expiry) * 1000 + EXPIRY_MARGIN_MS;
    await repository.ensureExpiry(verifiable.manifestCid, keptUntil);
    return {
      ask: askOf(wish, slotBytes),
      content: {
        cid: hexOf(verifiable.manifestCid.bytes),
        merkleRoot: hexOf(verification!.verifyRoot.subarray(-ROOT_BYTES)),
      },
      expiry: wish.expiry,
    };
  }

  /** What would be asked of hosts, without protecting anything. Errors: `PURCHASE_INVALID`, `BLOCK_NOT_FOUND`. */
  async ask(
    cid: ManifestCid,
    wish: PurchaseWish,
    durationLimit: bigint,
    options: AbortOptions,
  ): Promise<PurchaseTerms['ask']> {
    checkWish(wish, durationLimit);
    const manifest = originalManifest(await fetchManifest(this.#c.fetcher, cid, options));
    const rows = Math.ceil(blockCount(manifest) / (wish.nodes - wish.tolerance));
    return askOf(wish, 2 ** Math.ceil(Math.log2(rows)) * manifest.blockSize);
  }

  async #protect(cid: ManifestCid, manifest: Manifest, { nodes, tolerance }: PurchaseWish, options: AbortOptions) {
    const { fetcher, protection, repository } = this.#c;
    if (manifest.protection === undefined) {
      await fetcher.fetchDataset(await repository.openDataset(datasetRef(manifest)), options);
    }
    const made = await protection.protect({ cid, manifest }, { data: nodes - tolerance, parity: tolerance }, options);
    const bytes = await fetcher.fetchBlock(made, options);
    return { cid: made, manifest: decodeManifest(bytes) };
  }
}

function isVerifiable({ protection }: Manifest, { nodes, tolerance }: PurchaseWish): boolean {
  if (!protection?.verification) return false;
  return protection.ecK === nodes - tolerance && protection.ecM === tolerance;
}

function askOf(wish: PurchaseWish, slotBytes: number): PurchaseTerms['ask'] {
  const { nodes, tolerance, duration, proofProbability, pricePerBytePerSecond, collateralPerByte } = wish;
  return {
    proofProbability,
    pricePerBytePerSecond,
    collateralPerByte,
    slots: BigInt(nodes),
    slotSize: BigInt(slotBytes),
    duration,
    maxSlotLoss: BigInt(tolerance),
  };
}
