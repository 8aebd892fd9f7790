import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  environmentName,
  LATER_OPTIONS,
  loadConfig,
  OPTIONS,
  type Option,
  optionHelp,
  parseArguments,
} from '../../src/config/index.ts';

const PEER = '16Uiu2HAmLb6x8CmU6v6Mopiftir16SeBnhcat5dWwKCxbs3P8oRt';
const RELAY = `/ip4/192.0.2.1/tcp/8070/p2p/${PEER}`;

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'codex-config-'));
});

async function toml(text: string): Promise<string> {
  const file = join(dir, `${Math.abs(hash(text))}.toml`);
  await writeFile(file, text);
  return file;
}

function hash(text: string): number {
  let value = 0;
  for (const char of text) value = (value * 31 + (char.codePointAt(0) ?? 0)) | 0;
  return value;
}

function load(argv: string[] = [], env: Record<string, string> = {}) {
  return loadConfig({ arguments: parseArguments(argv).values, env });
}

describe('defaults', () => {
  it('are those of the reference', async () => {
    const { config } = await load();
    expect(config).toMatchObject({
      logLevel: 'info',
      logFormat: 'auto',
      metrics: false,
      metricsAddress: '127.0.0.1',
      metricsPort: 8008,
      listenAddrs: ['/ip4/0.0.0.0/tcp/0'],
      nat: { mode: 'any' },
      discPort: 8090,
      netPrivkey: 'key',
      bootstrapNode: [],
      maxPeers: 160,
      numThreads: 0,
      agentString: 'Codex',
      apiBindaddr: '127.0.0.1',
      apiPort: 8080,
      apiCorsOrigin: undefined,
      storageQuota: 20 * 1024 ** 3,
      blockTtl: 30 * 86_400_000,
      blockMi: 600_000,
      blockMn: 1000,
      blockRetries: 3000,
    });
  });

  it('all parse', async () => {
    const { sources } = await load();
    expect(new Set(Object.values(sources))).toEqual(new Set(['default']));
  });
});

describe('precedence', () => {
  it('is command line, environment, file, default', async () => {
    const file = await toml('api-port = 1\nstorage-quota = "1g"\nmax-peers = 5\nmetrics = true\n');
    const { config, sources } = await load(['--config-file', file, '--api-port=3'], {
      CODEX_API_PORT: '2',
      CODEX_STORAGE_QUOTA: '2g',
    });
    expect(config.apiPort).toBe(3);
    expect(config.storageQuota).toBe(2 * 1024 ** 3);
    expect(config.maxPeers).toBe(5);
    expect(config.metrics).toBe(true);
    expect(config.blockMn).toBe(1000);
    expect([sources['api-port'], sources['storage-quota'], sources['max-peers'], sources['block-mn']]).toEqual([
      'command line',
      'environment',
      'configuration file',
      'default',
    ]);
  });

  it('takes a list whole from the strongest source', async () => {
    const file = await toml('listen-addrs = ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2"]\n');
    const fromFile = await load([], { CODEX_CONFIG_FILE: file });
    expect(fromFile.config.listenAddrs).toEqual(['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2']);
    const fromEnvironment = await load([], {
      CODEX_CONFIG_FILE: file,
      CODEX_LISTEN_ADDRS: '/ip4/1.2.3.4/tcp/3, /ip6/::1/tcp/4',
    });
    expect(fromEnvironment.config.listenAddrs).toEqual(['/ip4/1.2.3.4/tcp/3', '/ip6/::1/tcp/4']);
    const fromArguments = await load(['-i', '/ip4/127.0.0.1/tcp/5', '-i=/ip4/127.0.0.1/tcp/6'], {
      CODEX_CONFIG_FILE: file,
    });
    expect(fromArguments.config.listenAddrs).toEqual(['/ip4/127.0.0.1/tcp/5', '/ip4/127.0.0.1/tcp/6']);
  });
});

describe('arguments', () => {
  it.each([
    [['--data-dir=/x']],
    [['--data-dir', '/x']],
    [['--data-dir:/x']],
    [['-d', '/x']],
    [['-d=/x']],
    [['-d:/x']],
    [['--DATA-DIR=/x']],
  ])('takes %j', async (argv) => {
    expect((await load(argv)).config.dataDir).toBe('/x');
  });

  it('takes a flag alone, with a value, and before another option', async () => {
    expect((await load(['--metrics', '--metrics-port=0'])).config).toMatchObject({ metrics: true, metricsPort: 0 });
    expect((await load(['--metrics=false'])).config.metrics).toBe(false);
    expect((await load(['--metrics', 'true'])).config.metrics).toBe(true);
  });

  it('keeps : and = inside values', async () => {
    expect((await load(['--nat:extip:1.2.3.4'])).config.nat).toEqual({ mode: 'extip', ip: '1.2.3.4' });
    expect((await load(['--nat=UPnP'])).config.nat).toEqual({ mode: 'upnp' });
    expect((await load(['--nat=pmp'])).config.nat).toEqual({ mode: 'pmp' });
    expect((await load(['--log-level=info;trace:codex,a=b'])).config.logLevel).toBe('info;trace:codex,a=b');
  });

  it('takes peers behind relays', async () => {
    const peer = `${RELAY}/p2p-circuit/p2p/${PEER}`;
    const { config } = await load([`--peer=${peer}`, `--relay=${RELAY}`, '--relay-server']);
    expect(config).toMatchObject({ peer: [peer], relay: [RELAY], relayClient: false, relayServer: true });
  });

  it('takes what the reference says of circuits', async () => {
    const hash = 'AB'.repeat(32);
    const { config, warnings } = await load([
      '-cd=/circuits',
      '--circom-zkey=/keys/a.zkey',
      `--proving-key-hash=0x${hash}`,
      '--max-slot-depth=32',
    ]);
    expect(config).toMatchObject({
      ...{ circuitDir: '/circuits', circomZkey: '/keys/a.zkey', provingKeyHash: hash.toLowerCase() },
      ...{ proofSamples: 5, provingKeys: 'none', proofMemory: 4 * 1024 ** 3, circomWasm: undefined },
    });
    expect(warnings).toEqual([expect.stringContaining('max-slot-depth has no effect')]);
  });

  it('takes the last of a value given twice', async () => {
    expect((await load(['-p=1', '--api-port=2'])).config.apiPort).toBe(2);
  });

  it('names what is wrong', () => {
    expect(() => parseArguments(['--storage-qota=1g'])).toThrow(
      /no option storage-qota .*did you mean storage-quota\?/,
    );
    expect(() => parseArguments(['--api-port'])).toThrow(/Option api-port needs a value/);
    expect(() => parseArguments(['ls'])).toThrow(expect.objectContaining({ code: 'ARGUMENT_UNEXPECTED' }));
    expect(() => parseArguments(['prover'])).toThrow(expect.objectContaining({ code: 'ARGUMENT_UNEXPECTED' }));
    expect(() => parseArguments(['-z'])).toThrow(expect.objectContaining({ code: 'OPTION_UNKNOWN' }));
  });

  it('takes the subcommands of the reference as words among the options', async () => {
    const { config, warnings } = await load([
      ...['--api-port=1', 'persistence', '--eth-provider=ws://a:1,http://b/key', '--eth-provider', 'https://c'],
      '--eth-private-key=/key',
      ...[
        '--marketplace-address',
        `0x${'Ab'.repeat(20)}`,
        'prover',
        '--proof-samples=1',
        '--simulate-proof-failures=2',
      ],
    ]);
    expect(config).toMatchObject({ persistence: true, prover: true, proofSamples: 1, validatorMaxSlots: 1000 });
    expect(config.ethProvider.flat()).toEqual(['ws://a:1', 'http://b/key', 'https://c']);
    expect(config.marketplaceAddress).toBe(`0x${'ab'.repeat(20)}`);
    expect(config.simulateProofFailures).toBe(2);
    expect(warnings).toEqual([]);
    await expect(load(['--eth-provider=ftp://a'])).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(load(['--eth-provider=x'])).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(load(['persistence'])).rejects.toMatchObject({ code: 'ETHEREUM_ACCOUNT_MISSING' });
    expect((await load([])).config).toMatchObject({ persistence: false, prover: false });
  });

  it('says what has no effect without the marketplace', async () => {
    const { warnings } = await load(['--validator', '--eth-private-key=/key', '--simulate-proof-failures=1']);
    const named = ['eth-private-key', 'validator', 'simulate-proof-failures'];
    expect(warnings).toEqual(named.map((name) => expect.stringContaining(name)));
  });

  it.each(Object.keys(LATER_OPTIONS))('refuses --%s instead of ignoring it', (name) => {
    expect(() => parseArguments([`--${name}=1`])).toThrow(expect.objectContaining({ code: 'OPTION_UNSUPPORTED' }));
  });
});

describe('values', () => {
  it.each([
    ['storage-quota', '0'],
    ['storage-quota', '-1'],
    ['storage-quota', '1x'],
    ['storage-quota', '9000000t'],
    ['storage-quota', ''],
    ['block-ttl', '30y'],
    ['block-ttl', '0'],
    ['api-port', '65536'],
    ['api-port', '80a'],
    ['api-bindaddr', 'nowhere'],
    ['listen-addrs', '/ip4/300.0.0.1/tcp/1'],
    ['listen-addrs', '/ip4/0.0.0.0/udp/1'],
    ['listen-addrs', '127.0.0.1:80'],
    ['peer', '/ip4/127.0.0.1/tcp/80'],
    ['nat', 'pcp'],
    ['relay', '/ip4/127.0.0.1/tcp/80'],
    ['relay', `${RELAY}/p2p-circuit/p2p/${PEER}`],
    ['peer', `${RELAY}/p2p-circuit`],
    ['peer', `${RELAY}/p2p-circuit/p2p/nobody`],
    ['peer', `${RELAY}/p2p-circuit/p2p/${PEER}/p2p-circuit/p2p/${PEER}`],
    ['nat', '1.2.3.4'],
    ['nat', 'extip:'],
    ['num-threads', '1'],
    ['log-level', 'loud'],
    ['log-level', 'info;debug'],
    ['log-format', 'xml'],
    ['repo-kind', 'leveldb'],
    ['metrics', 'perhaps'],
    ['bootstrap-node', 'enr:abc'],
    ['circom-wasm', '/x/proof_main.zkey'],
    ['circom-zkey', '.wasm'],
    ['proof-samples', '0'],
    ['proof-samples', '128'],
    ['proving-key-hash', 'abc'],
    ['proving-keys', 'ceremony'],
    ['max-slot-depth', '31'],
    ['max-peers', '0'],
  ])('%s refuses %j, naming option, source, value and what is allowed', async (option, value) => {
    await expect(load([`--${option}=${value}`])).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(
        `Option ${option} (command line) cannot be ${JSON.stringify(value)}: it must be `,
      ),
      data: { option, value, source: 'command line' },
    });
  });

  it.each([
    ['1', 1],
    ['500b', 500],
    ['1k', 1024],
    ['1KB', 1024],
    ['1KiB', 1024],
    ['1.5MiB', 1.5 * 1024 ** 2],
    ['20GiB', 20 * 1024 ** 3],
    ['2t', 2 * 1024 ** 4],
  ])('size %s is %d bytes', async (value, bytes) => {
    expect((await load([`-q=${value}`])).config.storageQuota).toBe(bytes);
  });

  it.each([
    ['90', 90_000],
    ['1.5s', 1500],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['30d', 2_592_000_000],
    ['1W', 604_800_000],
  ])('duration %s is %d ms', async (value, ms) => {
    expect((await load([`-t=${value}`])).config.blockTtl).toBe(ms);
  });

  it('names the variable of a bad value', async () => {
    await expect(load([], { CODEX_BLOCK_TTL: 'long' })).rejects.toThrow('environment variable CODEX_BLOCK_TTL');
  });

  it('never fails with anything but a coded error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(OPTIONS)), fc.string({ maxLength: 30 }), async (name, value) => {
        if (name === 'config-file') return;
        const outcome = await load([`--${name}=${value}`]).catch((error) => error.code);
        expect(typeof outcome === 'object' || outcome === 'CONFIG_INVALID' || outcome === 'ARGUMENT_UNEXPECTED').toBe(
          true,
        );
      }),
    );
  });
});

describe('file', () => {
  it.each([
    ['no-such-option = 1', 'OPTION_UNKNOWN'],
    ['circom-no-zkey = true', 'OPTION_UNSUPPORTED'],
    ['eth-provider = "ftp://x"', 'CONFIG_INVALID'],
    ['api-port = [1, 2]', 'CONFIG_INVALID'],
    ['api-port = 1.5', 'CONFIG_INVALID'],
    ['[table]\nx = 1', 'OPTION_UNKNOWN'],
    ['api-port = ', 'CONFIG_FILE_INVALID'],
  ])('%j gives %s', async (text, code) => {
    await expect(load(['--config-file', await toml(text)])).rejects.toMatchObject({ code });
  });

  it('that is missing is named', async () => {
    await expect(load(['--config-file=/nonexistent/codex.toml'])).rejects.toMatchObject({
      code: 'CONFIG_FILE_INVALID',
      message: expect.stringContaining('/nonexistent/codex.toml'),
    });
  });
});

it('warns of what has no effect, and of variables that configure nothing', async () => {
  const { warnings } = await load(['--cache-size=5'], {
    CODEX_ETH_PROVIDER: 'ws://x',
    CODEX_NONSENSE: '1',
    CODEX_API: 'http://x',
  });
  expect(warnings).toHaveLength(3);
  expect(warnings.join('\n')).toMatch(/cache-size[\s\S]*|CODEX_ETH_PROVIDER.*marketplace[\s\S]*CODEX_NONSENSE/);
});

it('help shows every option that is not hidden', () => {
  const help = optionHelp();
  for (const [name, { hidden }] of Object.entries<Option<unknown>>(OPTIONS)) {
    expect(help.includes(`--${name} `), name).toBe(hidden !== true);
  }
});

it('environment names follow from option names', () => {
  expect(environmentName('api-cors-origin')).toBe('CODEX_API_CORS_ORIGIN');
});
