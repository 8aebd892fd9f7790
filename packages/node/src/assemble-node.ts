import { join, resolve } from 'node:path';
import { type Startable, systemClock, systemRandom } from '@codex/runtime';
import { Announcement } from './announcement.ts';
import { readBuildInfo } from './build-info.ts';
import type { NodeOverrides, NodeParts } from './codex-node.ts';
import type { NodeConfig } from './config/index.ts';
import { loadOrCreateKey, prepareDirectory } from './key-file.ts';
import { listenError } from './listen.ts';
import { NodeLog } from './logging/index.ts';
import { registerNodeMetrics } from './node-metrics.ts';
import type { Groth16CircuitsInit } from './proving/index.ts';

/** Makes the parts of a node and wires them, in the order of 07 §1. Called by `CodexNode.create`. */
export async function assembleNode(config: NodeConfig, overrides: NodeOverrides): Promise<NodeParts> {
  const log = overrides.log ?? NodeLog.open({ level: config.logLevel, format: config.logFormat, file: config.logFile });
  const clock = overrides.clock ?? systemClock;
  const random = overrides.random ?? systemRandom;
  const logger = log.logger('codex node');

  // The big libraries load while the disk is looked at; whoever only reads a configuration never loads them.
  const loading = Promise.all([
    import('@codex/compute'),
    import('@codex/store'),
    import('@codex/exchange'),
    import('./api/index.ts'),
    import('./metrics/index.ts'),
    import('./discovery/index.ts'),
    import('./proving/index.ts'),
    import('./protection/index.ts'),
    // Its libraries are large: nobody else pays for them.
    config.persistence ? import('./market/index.ts') : undefined,
  ]);
  loading.catch(() => {});

  const dataDir = resolve(config.dataDir);
  if ((await prepareDirectory(dataDir)).corrected) {
    logger.warn('Data directory was open to others: rights corrected', { path: dataDir });
  }
  const identity = await loadOrCreateKey(resolve(dataDir, config.netPrivkey));
  const build = await readBuildInfo();
  const [compute, store, exchange, api, metrics, discovery, proving, protection, market] = await loading;

  const registry = new metrics.PrometheusMetrics({ nowMs: () => clock.now() });
  const shared = { clock, random, metrics: registry };
  const threads = config.numThreads === 0 ? {} : { threads: config.numThreads };
  const pool = compute.createCompute(threads, { clock, metrics: registry, logger: log.logger('codex compute') });
  const slabs = new compute.SharedSlabPool({ clock });
  const openRepository = async () =>
    overrides.repository?.() ??
    store.DiskRepository.open(
      { ...shared, compute: pool, slabs, logger: log.logger('codex repostore') },
      {
        path: join(dataDir, 'repo'),
        quotaBytes: config.storageQuota,
        blockTtlMs: config.blockTtl,
        maintenanceIntervalMs: config.blockMi,
        maintenanceBatch: config.blockMn,
      },
    );
  const repository = await openRepository().catch(async (error: unknown) => {
    await pool.stop();
    throw error;
  });
  let closing: Promise<void> | undefined;
  let stopDiscovery = async () => {};
  const close = () => {
    closing ??= (async () => {
      try {
        await stopDiscovery();
      } finally {
        try {
          await repository.stop();
        } finally {
          await pool.stop();
        }
      }
    })();
    return closing;
  };
  try {
    const network =
      overrides.network?.(identity) ??
      (await exchange.Libp2pNetwork.create(
        {
          privateKey: identity.privateKey,
          listenAddrs: config.listenAddrs,
          maxPeers: config.maxPeers,
          agentVersion: config.agentString,
          staticPeers: config.peer,
          relay: { client: config.relayClient, server: config.relayServer, relays: config.relay },
        },
        { ...shared, logger: log.logger('libp2p') },
      ));
    const dht =
      overrides.discovery === false
        ? undefined
        : discovery.createDiscovery(
            { ...shared, identity, datagrams: overrides.datagrams, logger: log.logger('codex discv5') },
            { ...config, dataDir },
          );
    if (dht) stopDiscovery = dht.stop;
    const announcement = new Announcement(
      { identity, network, clock, logger, ...(dht && { udp: () => dht.discovery.local }) },
      { nat: config.nat },
    );
    const services =
      dht &&
      discovery.discoveryServices(
        {
          ...shared,
          discovery: dht.discovery,
          announcement,
          network,
          repository,
          logger: (topics) => log.logger(topics),
        },
        { maxPeers: config.maxPeers },
      );
    // Before the announcement has started there are no addresses, and the record of the DHT would lead nowhere.
    const ownRecord = () => announcement.providerRecord && (dht?.discovery.record ?? announcement.providerRecord);
    const finder = overrides.finder ?? services?.finder;
    const blocks = new exchange.Exchange(
      {
        ...shared,
        network,
        repository,
        logger: log.logger('codex blockexcengine'),
        ...(finder && { finder }),
      },
      { findDeadlineMs: config.fetchTimeout },
    );
    const provingLogger = log.logger('codex prover');
    // Threads start with the first proof, and end when none was asked for in a while.
    const provers = compute.createCompute(threads, { clock, logger: provingLogger });
    const proofs = new proving.StorageProofs(
      {
        ...shared,
        repository,
        compute: pool,
        logger: provingLogger,
        circuits:
          overrides.circuits ??
          new proving.Groth16Circuits({ compute: pool, provers, logger: provingLogger }, provingInit(config, dataDir)),
      },
      { slotDir: join(dataDir, 'slots'), samples: config.proofSamples },
    );
    const protectedData = new protection.ProtectedData(
      { repository, compute: pool, fetcher: blocks, clock },
      api.API_LIMITS,
    );
    const marketPart =
      market &&
      new market.MarketPart(
        {
          ...shared,
          repository,
          fetcher: blocks,
          protection: protectedData,
          proofs,
          logger: (topics) => log.logger(topics),
        },
        { config, directory: join(dataDir, 'market') },
      );
    const apiAt = { host: config.apiBindaddr, port: config.apiPort };
    const server = await api.ApiServer.create(
      {
        ...shared,
        repository,
        network,
        fetcher: blocks,
        compute: pool,
        logLevels: log.levels,
        logger: log.logger('codex restapi'),
        node: {
          ...build,
          peerId: identity.peerId,
          repoPath: dataDir,
          spr: () => ownRecord()?.uri,
          record: () => ownRecord()?.toString() ?? '',
          announceAddrs: () => [...announcement.tcp],
          ...services?.shown,
        },
        ...(services && { peers: services.peers }),
        proofs,
        protection: protectedData,
        ...(marketPart && { market: marketPart }),
      },
      {
        bindAddress: apiAt.host,
        port: apiAt.port,
        corsOrigin: config.apiCorsOrigin,
        fetchTimeoutMs: config.fetchTimeout,
      },
    );

    const state = { ready: false };
    const processMetrics = config.metrics ? new metrics.ProcessMetrics({ metrics: registry }) : undefined;
    const metricsServer = config.metrics
      ? new metrics.MetricsServer(
          { metrics: registry, ready: () => state.ready, logger: log.logger('codex metrics') },
          { host: config.metricsAddress, port: config.metricsPort },
        )
      : undefined;
    registerNodeMetrics(registry, { repository, network });
    // Last, so that the parts above had the choice of help texts and labels.
    metrics.registerReferenceMetrics(registry);

    const startables: { name: string; part: Startable }[] = [
      ...(processMetrics ? [{ name: 'process metrics', part: processMetrics }] : []),
      ...(metricsServer ? [{ name: 'metrics server', part: metricsServer }] : []),
      {
        name: 'repository',
        part: {
          start: async () => {
            await pool.start();
            await repository.start();
          },
          stop: close,
        },
      },
      { name: 'network', part: network },
      // Its socket is bound before, because what is announced names its port.
      ...(dht ? [{ name: 'discovery', part: dht }] : []),
      { name: 'announcement', part: announcement },
      ...(services ? [{ name: 'DHT record', part: services.record }] : []),
      { name: 'exchange', part: blocks },
      ...(services ? [{ name: 'advertiser', part: services.advertiser }] : []),
      { name: 'provers', part: provers },
      { name: 'storage proofs', part: proofs },
      ...(marketPart ? [{ name: 'marketplace', part: marketPart }] : []),
      {
        name: 'REST API',
        part: {
          start: () => server.start().catch((error) => Promise.reject(listenError(error, apiAt, 'api-port'))),
          stop: () => server.stop(),
        },
      },
    ];
    return {
      clock,
      log,
      identity,
      metrics: registry,
      metricsServer,
      compute: pool,
      repository,
      network,
      exchange: blocks,
      announcement,
      proofs,
      discovery: dht?.discovery,
      ownRecord,
      api: server,
      startables,
      close,
      state,
    };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

/** What the options say of circuits and keys. */
function provingInit(config: NodeConfig, dataDir: string): Groth16CircuitsInit {
  return {
    circuitDir: config.circuitDir === undefined ? join(dataDir, 'circuits') : resolve(config.circuitDir),
    samples: config.proofSamples,
    wasm: config.circomWasm,
    zkey: config.circomZkey,
    keys: config.provingKeys,
    keyHash: config.provingKeyHash,
    memoryBytes: config.proofMemory,
  };
}
