/** One line, one cloud of points or one group of bars. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface PlotInit {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** Decades instead of a linear axis; every x must be above 0 then. */
  readonly logX?: boolean;
  readonly logY?: boolean;
}

export interface BarInit {
  readonly title: string;
  readonly yLabel: string;
  readonly bars: readonly { readonly name: string; readonly value: number }[];
}

const WIDTH = 720;
const HEIGHT = 400;
const LEFT = 72;
const RIGHT = 16;
const TOP = 40;
const BOTTOM = 52;
const LEGEND_ROW = 18;
/** Told apart by most kinds of colour blindness, and on white and black. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7f7f7f', '#b2a000', '#7b3294'];

interface Axis {
  readonly ticks: readonly number[];
  /** 0 … 1 along the axis. */
  place(value: number): number;
}

/** Lines through the points of each series, as a standalone SVG document. */
export function linePlot(init: PlotInit): string {
  return plot(init, (points, colour) => {
    const path = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${coordinate(x)} ${coordinate(y)}`).join('');
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round"/>`;
  });
}

/** The points of each series, as a standalone SVG document. */
export function scatterPlot(init: PlotInit): string {
  return plot(init, (points, colour) =>
    points
      .map(([x, y]) => `<circle cx="${coordinate(x)}" cy="${coordinate(y)}" r="3" fill="${colour}" opacity="0.7"/>`)
      .join(''),
  );
}

/** One bar per value, from zero, as a standalone SVG document. */
export function barPlot({ title, yLabel, bars }: BarInit): string {
  const y = axisOf([0, ...bars.map(({ value }) => value)], false);
  const band = (WIDTH - LEFT - RIGHT) / Math.max(1, bars.length);
  const shapes = bars.map(({ name, value }, i) => {
    const at = LEFT + band * (i + 0.15);
    const top = placeY(y, value);
    const label = `<text x="${coordinate(at + band * 0.35)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${escapeText(name)}</text>`;
    const figure = `<text x="${coordinate(at + band * 0.35)}" y="${coordinate(top - 5)}" text-anchor="middle">${tickText(value)}</text>`;
    const size = `width="${coordinate(band * 0.7)}" height="${coordinate(placeY(y, 0) - top)}"`;
    return `<rect x="${coordinate(at)}" y="${coordinate(top)}" ${size} fill="${COLOURS[i % COLOURS.length]}"/>${label}${figure}`;
  });
  return document(title, [heading(title, yLabel), ...gridY(y), ...shapes]);
}

function plot(
  { title, xLabel, yLabel, series, logX = false, logY = false }: PlotInit,
  draw: (points: readonly (readonly [number, number])[], colour: string) => string,
): string {
  const all = series.flatMap(({ points }) => points);
  const x = axisOf(
    all.map(([value]) => value),
    logX,
  );
  // A linear axis of amounts begins at zero: a cut one makes small differences look large.
  const y = axisOf([...(logY ? [] : [0]), ...all.map(([, value]) => value)], logY);
  const shapes = series.map(({ points }, i) =>
    draw(
      points.map(([px, py]) => [placeX(x, px), placeY(y, py)] as const),
      COLOURS[i % COLOURS.length]!,
    ),
  );
  const legend = series.map(({ name }, i) => {
    const at = TOP + 12 + i * LEGEND_ROW;
    const mark = `<rect x="${LEFT + 12}" y="${at - 9}" width="14" height="10" fill="${COLOURS[i % COLOURS.length]}"/>`;
    return `${mark}<text x="${LEFT + 32}" y="${at}">${escapeText(name)}</text>`;
  });
  const below = `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escapeText(xLabel)}</text>`;
  return document(title, [heading(title, yLabel), ...gridX(x), ...gridY(y), below, ...shapes, ...legend]);
}

function axisOf(values: readonly number[], log: boolean): Axis {
  const known = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  const low = known.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = known.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (known.length === 0) return linear(0, 1);
  return log ? decades(low, high) : linear(low, high === low ? low + 1 : high);
}

function decades(low: number, high: number): Axis {
  const from = Math.floor(Math.log10(low));
  const to = Math.max(from + 1, Math.ceil(Math.log10(high)));
  const ticks = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  return { ticks, place: (value) => (Math.log10(value) - from) / (to - from) };
}

/** Some five round steps that cover the values. */
function linear(low: number, high: number): Axis {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const from = Math.floor(low / step);
  const to = Math.ceil(high / step);
  const ticks = Array.from({ length: to - from + 1 }, (_, i) => (from + i) * step);
  return { ticks, place: (value) => (value / step - from) / (to - from) };
}

const placeX = (axis: Axis, value: number) => LEFT + axis.place(value) * (WIDTH - LEFT - RIGHT);
const placeY = (axis: Axis, value: number) => HEIGHT - BOTTOM - axis.place(value) * (HEIGHT - TOP - BOTTOM);
const coordinate = (value: number) => Math.round(value * 10) / 10;

function gridX(axis: Axis): string[] {
  return axis.ticks.map((tick) => {
    const at = coordinate(placeX(axis, tick));
    const line = `<path d="M${at} ${TOP}V${HEIGHT - BOTTOM}" stroke="#ddd"/>`;
    return `${line}<text x="${at}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${tickText(tick)}</text>`;
  });
}

function gridY(axis: Axis): string[] {
  return axis.ticks.map((tick) => {
    const at = coordinate(placeY(axis, tick));
    const line = `<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#ddd"/>`;
    return `${line}<text x="${LEFT - 6}" y="${at + 4}" text-anchor="end">${tickText(tick)}</text>`;
  });
}

/** Three digits are enough for an axis. */
function tickText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return value.toExponential(size >= 1e6 ? 1 : 0).replace('e+', 'e');
  return String(Number(value.toPrecision(4)));
}

const escapeText = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function heading(title: string, yLabel: string): string {
  const middle = (TOP + HEIGHT - BOTTOM) / 2;
  const left = `<text transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle">${escapeText(yLabel)}</text>`;
  return `<text x="${WIDTH / 2}" y="22" text-anchor="middle" font-size="16">${escapeText(title)}</text>${left}`;
}

function document(title: string, parts: readonly string[]): string {
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`;
  return `${open}\n<title>${escapeText(title)}</title>\n<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`;
}
