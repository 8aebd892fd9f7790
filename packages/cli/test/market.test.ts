import { PassThrough } from 'node:stream';
import { slotIdOf } from '@codex/contracts';
import { plan } from '@codex/durability';
import { afterEach, describe, expect, it } from 'vitest';
import { confirm } from '../src/confirm.ts';
import { moment } from '../src/option-values.ts';
import { purchaseTerms, purchaseWish, slotBytesOf } from '../src/purchase-terms.ts';
import { type Ran, run } from './command.ts';
import { type Answer, AVAILABILITY, CID, FakeMarket, PURCHASE, purchase, REQUEST } from './fake-market.ts';

let node: FakeMarket;
let api = '';

async function serve(answers: Readonly<Record<string, Answer | readonly Answer[]>>): Promise<FakeMarket> {
  node = new FakeMarket(answers);
  api = await node.start();
  return node;
}

afterEach(() => node?.stop());

const verb = (...args: string[]) => run([...args, '--api', api]);
const lines = (ran: Ran) => {
  expect(ran).toMatchObject({ code: 0 });
  return ran.stdout.trim().split('\n');
};
const parsed = (ran: Ran) => lines(ran).map((line) => JSON.parse(line));

const MANIFEST = `GET /data/${CID}/network/manifest`;
const QUOTE = `GET /storage/request/${CID}`;
const ORDER = `POST /storage/request/${CID}`;
const LOOK = `GET /storage/purchases/${PURCHASE}`;
const ONE = `/sales/availability/${AVAILABILITY.id}`;
const manifest = (more: object = {}): Answer => [
  200,
  {
    cid: CID,
    manifest: { datasetSize: 1_048_576, blockSize: 65_536, filename: 'film.mp4', protected: false, ...more },
  },
];
const DISABLED: Answer = [503, 'Persistence is not enabled'];
const bare = PURCHASE.slice(2);
const TERMS = ['--duration', '4m', '--price', '3', '--collateral', '2'];

describe('buy', () => {
  it('shows what it costs, sends what the API takes, and prints the id', async () => {
    await serve({ [MANIFEST]: manifest(), [ORDER]: [200, bare] });
    const code = ['--nodes', '3', '--tolerance', '1', '--proof-probability', '2', '--expiry', '90s'];
    const ran = await verb('buy', CID, ...TERMS, ...code);
    expect(ran).toMatchObject({ code: 0, stdout: `${PURCHASE}\n` });
    // 16 blocks in 2 rows: 8 blocks a slot, as the reference shows for the same file (13 §1).
    expect(ran.stderr.split('\n')).toEqual([
      'dataset     1.0 MiB  film.mp4',
      'slots       3, of which any 2 restore it',
      'slot size   512 KiB (524288 bytes)',
      'duration    4m00s',
      'expiry      1m30s for hosts to fill all slots; else the price comes back',
      'proofs      every 2 periods of each slot, on average',
      'collateral  1048576 tokens of the host for each slot',
      `price       ${3 * 524_288 * 240 * 3} tokens`,
      '',
    ]);
    const order = node.asked.at(-1);
    expect(order?.body).toEqual({
      duration: 240,
      proofProbability: '2',
      pricePerBytePerSecond: '3',
      collateralPerByte: '2',
      expiry: 90,
      nodes: 3,
      tolerance: 1,
    });
    expect(order?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('asks again with the same key when the answer is lost, and tells the key when all are', async () => {
    await serve({ [MANIFEST]: manifest(), [ORDER]: ['break', [200, bare]] });
    const [bought] = parsed(await verb('buy', CID, ...TERMS, '--json'));
    const keys = node.asked.filter(({ method }) => method === 'POST').map(({ headers }) => headers['idempotency-key']);
    expect(keys).toEqual([bought.key, bought.key]);
    expect(bought).toMatchObject({ id: PURCHASE, cid: CID, nodes: 3, tolerance: 1, expiry: 120, price: '1132462080' });
    node.stop();
    await serve({ [MANIFEST]: manifest(), [ORDER]: 'break' });
    const lost = await verb('buy', CID, ...TERMS, '--key', 'mine', '-q');
    expect(lost).toMatchObject({ code: 5, stdout: '', stderr: expect.stringContaining('--key mine goes on') });
    expect(node.asked.filter(({ headers }) => headers['idempotency-key'] === 'mine')).toHaveLength(3);
  });

  it('with --wait ends when the purchase has started, whatever the node does meanwhile', async () => {
    const looks: Answer[] = [[200, purchase('pending')], DISABLED, 'break', [200, purchase('started')]];
    await serve({ [MANIFEST]: manifest(), [ORDER]: [200, bare], [LOOK]: looks });
    const [bought, ended] = parsed(await verb('buy', CID, ...TERMS, '--wait', '--json'));
    expect(bought.id).toBe(PURCHASE);
    expect(ended).toEqual(purchase('started'));
  });

  it.each([
    ['cancelled', null, 'not all slots were filled'],
    ['failed', null, 'too many slots were lost'],
    ['errored', 'insufficient balance', 'insufficient balance'],
  ])('with --wait tells by the exit code that it was %s', async (state, error, text) => {
    await serve({ [MANIFEST]: manifest(), [ORDER]: [200, bare], [LOOK]: [200, purchase(state, error)] });
    const ran = await verb('buy', CID, ...TERMS, '--wait', '-q');
    expect(ran).toMatchObject({ code: 1, stdout: `${PURCHASE}\n`, stderr: expect.stringContaining(text) });
    expect(ran.stderr).toContain('[PURCHASE_FAILED]');
  });

  it('stops waiting on ^C; the purchase goes on', async () => {
    await serve({ [MANIFEST]: manifest(), [ORDER]: [200, bare], [LOOK]: [200, purchase('submitted')] });
    const ran = await run(['buy', CID, ...TERMS, '--wait', '-q', '--api', api], {
      meanwhile: (child) => child.stdout?.once('data', () => child.kill('SIGINT')),
    });
    expect(ran).toMatchObject({ code: 130, stdout: `${PURCHASE}\n` });
  });

  it('plans slots and proofs for a chance of loss', async () => {
    await serve({ [MANIFEST]: manifest() });
    const wanted = { loss: 1e-6, duration: 2_592_000, sizeBytes: 1_048_576, pricePerBytePerSecond: 3n };
    const [best] = plan(wanted);
    const offer = ['--duration', '30d', '--price', '3', '--collateral', '1', '--loss', '1e-6'];
    const [told] = parsed(await verb('buy', CID, ...offer, '--dry-run', '--json'));
    expect(told).toEqual({
      cid: CID,
      nodes: best!.nodes,
      tolerance: best!.parity,
      proofProbability: String(best!.proofProbability),
      duration: 2_592_000,
      expiry: 86_400,
      pricePerBytePerSecond: '3',
      collateralPerByte: '1',
      slotBytes: best!.storedBytes / best!.nodes,
      price: String(best!.price),
      collateralPerSlot: String(best!.storedBytes / best!.nodes),
      loss: best!.loss,
    });
    expect(node.asked.every(({ method }) => method === 'GET')).toBe(true);
  });

  it('takes size and balance from a node that tells prices, also of what is protected already', async () => {
    const quote = {
      slots: 3,
      slotSize: 262_144,
      price: '566231040',
      collateralPerSlot: '524288',
      balance: '566231039',
    };
    await serve({ [MANIFEST]: manifest({ protected: true }), [QUOTE]: [200, quote] });
    const [told] = parsed(await verb('buy', CID, ...TERMS, '--dry-run', '--json'));
    const { price, collateralPerSlot, balance } = quote;
    expect(told).toMatchObject({ slotBytes: 262_144, price, collateralPerSlot, balance });
    const query = new URLSearchParams(node.asked[1]?.path.replace(/.*\?/, ''));
    expect(Object.fromEntries(query)).toMatchObject({ duration: '240', pricePerBytePerSecond: '3', nodes: '3' });
    const shown = await verb('buy', CID, ...TERMS, '--dry-run');
    expect(lines(shown).at(-1)).toBe('balance     566231039 tokens, which is not enough');
    const planned = await verb('buy', CID, ...TERMS, '--loss', '1e-6');
    expect(planned).toMatchObject({ code: 2, stderr: expect.stringContaining('--loss needs') });
  });

  it('buys nothing that makes no sense', async () => {
    await serve({ [MANIFEST]: manifest(), [ORDER]: [422, 'Dataset too small for erasure parameters'] });
    for (const [args, code, text] of [
      [[...TERMS, '--loss', '1e-6', '--nodes', '4'], 2, '--loss says'],
      [[...TERMS, '--nodes', '2', '--tolerance', '2'], 2, '--tolerance must be smaller'],
      [[...TERMS, '--price', 'much'], 2, 'whole number'],
      [['--duration', '1d', '--price', '1'], 2, '--collateral'],
      [TERMS, 1, 'Dataset too small for erasure parameters [REQUEST_REFUSED]'],
    ] as const) {
      const ran = await verb('buy', CID, ...args);
      expect(ran).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(text) });
    }
    node.stop();
    await serve({ [MANIFEST]: manifest({ protected: true }) });
    expect(await verb('buy', CID, ...TERMS)).toMatchObject({ code: 2, stderr: expect.stringContaining('protected') });
    node.stop();
    await serve({ [MANIFEST]: manifest(), [ORDER]: [200, 'welcome'] });
    expect(await verb('buy', CID, ...TERMS)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ANSWER_INVALID'),
    });
  });
});

describe('purchases', () => {
  it('lists them, without those that are gone', async () => {
    const gone = `0x${'11'.repeat(32)}`;
    await serve({
      'GET /storage/purchases': [200, [PURCHASE, gone]],
      [LOOK]: [200, purchase('submitted')],
      [`GET /storage/purchases/${gone}`]: [404, 'gone'],
    });
    expect(parsed(await verb('purchases', '--json'))).toEqual([[purchase('submitted')]]);
    expect(lines(await verb('purchases'))[1]?.split(/ +/)).toEqual([
      PURCHASE,
      'submitted',
      '3',
      '4m00s',
      '1m30s',
      '1132462080',
      REQUEST.content.cid,
    ]);
  });

  it('shows one, also of which little is known', async () => {
    await serve({
      [LOOK]: [
        [200, purchase('started')],
        [200, { ...purchase('started'), filledSlots: 2, endsAt: 1_800_000_000 }],
        [200, { ...purchase('unknown', 'lost'), request: null, filledSlots: null }],
      ],
    });
    expect(lines(await verb('purchases', PURCHASE))).toContain('price       1132462080 tokens');
    const known = lines(await verb('purchases', PURCHASE));
    expect(known).toContain('filled      2 slots');
    expect(known).toContain('end         2027-01-15T08:00:00.000Z');
    expect(lines(await verb('purchases', PURCHASE))).toEqual([
      `purchase  ${PURCHASE}`,
      'state     unknown',
      'error     lost',
    ]);
    expect(await verb('purchases', 'x')).toMatchObject({ code: 3, stderr: expect.stringContaining('no purchase x') });
    expect(await verb('purchases', '--wait')).toMatchObject({ code: 2 });
  });
});

describe('sell and availability', () => {
  it('offers space', async () => {
    await serve({ 'POST /sales/availability': [201, AVAILABILITY] });
    const offer = ['--size', '1GiB', '--price', '2', '--duration', '1h', '--collateral', '100000000000000000000'];
    expect(lines(await verb('sell', ...offer, '--until', '2030-12-31'))).toEqual([AVAILABILITY.id]);
    expect(node.asked[0]?.body).toEqual({
      totalSize: 1_073_741_824,
      duration: 3600,
      minPricePerBytePerSecond: '2',
      totalCollateral: '100000000000000000000',
      until: 1_924_905_600,
    });
  });

  it('lists, shows and changes what is offered', async () => {
    const reserved = { id: '0x1', requestId: PURCHASE, slotIndex: 2, size: 0, validUntil: 1_924_905_600 };
    await serve({
      'GET /sales/availability': [200, [AVAILABILITY]],
      [`GET ${ONE}/reservations`]: [200, [reserved]],
      [`PATCH ${ONE}`]: [204],
    });
    expect(parsed(await verb('availability', '--json'))).toEqual([[AVAILABILITY]]);
    expect(lines(await verb('availability'))).toHaveLength(2);
    // Ids may be without 0x, but the path is what was said.
    const changed = await verb('availability', AVAILABILITY.id, '--size', '2m', '--until', '0', '--disable', '--json');
    expect(parsed(changed)).toEqual([{ ...AVAILABILITY, reservations: [reserved] }]);
    const patch = node.asked.find(({ method }) => method === 'PATCH');
    expect(patch?.body).toEqual({ totalSize: 2_097_152, until: 0, enabled: false });
    expect(lines(await verb('availability', AVAILABILITY.id)).at(-1)).toBe(
      `reserved for slot 2 of ${PURCHASE} until 2030-12-31T00:00`,
    );
    expect(await verb('availability', '--size', '1m')).toMatchObject({ code: 2 });
    expect(await verb('availability', 'xyz', '--enable', '--disable')).toMatchObject({ code: 2 });
    expect(await verb('availability', 'xyz', '--enable')).toMatchObject({ code: 3 });
  });
});

it('sales, and slots without a CID, list what is hosted and what is on its way', async () => {
  const id = (index: bigint) => slotIdOf(PURCHASE, index);
  const sale = { state: 'SaleProving', requestId: PURCHASE, slotIndex: 0, request: REQUEST, reservation: null };
  await serve({
    'GET /sales/slots': [200, [{ id: id(0n), slotIndex: 0, request: REQUEST }]],
    'GET /sales/availability': [200, [AVAILABILITY]],
    [`GET ${ONE}/reservations`]: [200, [0, 1, 2].map((slotIndex) => ({ requestId: PURCHASE, slotIndex }))],
    [`GET /sales/slots/${id(0n)}`]: [200, sale],
    [`GET /sales/slots/${id(1n)}`]: [200, { ...sale, state: 'SaleDownloading' }],
  });
  const expected = ['SaleProving', 'SaleDownloading', null].map((state, index) => ({
    id: id(BigInt(index)),
    slotIndex: index,
    requestId: PURCHASE,
    request: state === null ? null : REQUEST,
    state,
  }));
  expect(parsed(await verb('sales', '--json'))).toEqual([expected]);
  expect(
    lines(await verb('slots'))[2]
      ?.split(/ +/)
      .slice(1, 3),
  ).toEqual(['SaleDownloading', '1']);
});

it.each([
  ['purchases'],
  ['sales'],
  ['slots'],
  ['availability'],
  ['sell', '--size', '1m', '--price', '1', '--duration', '1h', '--collateral', '1'],
  ['buy', CID, ...TERMS],
])('%s says how to take part when the node does not', async (...args) => {
  await serve({
    [MANIFEST]: manifest(),
    [QUOTE]: DISABLED,
    'GET /storage/purchases': DISABLED,
    'GET /sales/availability': DISABLED,
    'GET /sales/slots': DISABLED,
    'POST /sales/availability': DISABLED,
  });
  expect(await verb(...args)).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/Persistence is not enabled.*codex persistence --eth-provider.* \[REQUEST_REFUSED\]/),
  });
});

describe('the question', () => {
  const ask = (answer: string | undefined) => {
    const input = new PassThrough();
    const asked = confirm('Buy?', { input, output: new PassThrough(), signal: new AbortController().signal });
    input.end(answer);
    return asked;
  };

  it.each([
    ['y\n', true],
    ['YES\n', true],
    ['yes please\n', false],
    ['\n', false],
    ['n\n', false],
    [undefined, false],
  ])('%j is %j', async (answer, yes) => {
    expect(await ask(answer)).toBe(yes);
  });

  it('ends with the command', async () => {
    const end = new AbortController();
    const asked = confirm('Buy?', { input: new PassThrough(), output: new PassThrough(), signal: end.signal });
    end.abort();
    await expect(asked).rejects.toThrow();
  });
});

it.each([
  [1, 2, 65_536],
  [65_537, 2, 65_536],
  [131_073, 2, 131_072],
  [5 * 131_072, 2, 8 * 65_536],
])('%d bytes in %d rows make slots of %d bytes', (sizeBytes, data, bytes) => {
  const options = { duration: 10, price: 1n, collateral: 1n, period: 120, nodes: data + 1 };
  const size = { sizeBytes, blockBytes: 65_536 };
  const wish = purchaseWish(options, size);
  expect(purchaseTerms(wish, slotBytesOf(wish, size))).toMatchObject({
    slotBytes: bytes,
    price: BigInt(3 * bytes * 10),
    expiry: 5,
  });
});

it('a moment is a date, a duration from now, or Unix seconds', () => {
  expect(moment('2030-12-31')).toBe(1_924_905_600);
  expect(moment('0')).toBe(0);
  expect(moment('1924905600')).toBe(1_924_905_600);
  expect(Math.abs(moment('1d') - Date.now() / 1000 - 86_400)).toBeLessThan(5);
  for (const text of ['soon', '', '-1', '2030-13-99']) expect(() => moment(text)).toThrow('It must be a date');
});
