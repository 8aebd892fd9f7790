import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** The floors of the house, as `docs/architecture.md` shows them: a package imports only what stands below it. */
function floors(): Map<string, number> {
  const table = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  const rows = table.matchAll(/^\| (\d+) \| `((?:packages|apps)\/[a-z0-9-]+|bench|conformance)` \|/gm);
  return new Map([...rows].map((row) => [row[2] ?? '', Number(row[1])]));
}

function workspaces(): string[] {
  const inside = (folder: string) =>
    existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((name) => `${folder}/${name}`) : [];
  return [...inside('packages'), ...inside('apps'), 'bench', 'conformance'].filter((folder) =>
    existsSync(join(root, folder, 'package.json')),
  );
}

function sources(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name) && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name));
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const found = text.matchAll(
    /^(?:import|export)\s+[\w*{][^;'"()=]*?\sfrom\s+'([^']+)'|^import\s+'([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** The package name of a workspace, by its folder. */
const nameOf = (folder: string) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')).name as string;

describe('the import graph', () => {
  const floorOf = floors();
  const folders = workspaces();
  const folderOf = new Map(folders.map((folder) => [nameOf(folder), folder]));

  it('knows the floor of every workspace, and no other', () => {
    expect([...floorOf.keys()].sort()).toEqual([...folders].sort());
  });

  it.each(folders)('%s imports only packages below it', (folder) => {
    const wrong: string[] = [];
    for (const file of sources(join(root, folder, 'src'))) {
      for (const target of importsOf(file)) {
        const below = folderOf.get(target.split('/').slice(0, 2).join('/'));
        if (below && (floorOf.get(below) ?? 0) >= (floorOf.get(folder) ?? 0)) {
          wrong.push(`${relative(root, file)} imports ${target}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each(folders)('%s declares what it imports and reaches into no other workspace by path', (folder) => {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const top = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const declared = new Set([
      ...Object.keys(manifest.dependencies ?? {}),
      ...Object.keys(manifest.devDependencies ?? {}),
      ...Object.keys(top.devDependencies),
    ]);
    const wrong: string[] = [];
    for (const file of sources(join(root, folder)).filter((path) => !path.includes('/vectors/'))) {
      for (const target of importsOf(file)) {
        if (target.startsWith('node:')) continue;
        if (target.startsWith('.')) {
          if (
            relative(join(root, folder), resolve(dirname(file), target)).startsWith('..') &&
            !target.includes('scripts/')
          ) {
            wrong.push(`${relative(root, file)} imports ${target}`);
          }
          continue;
        }
        if (!/^(@[a-z0-9-]+\/)?[a-z0-9-]+/.test(target)) continue;
        const name = target.startsWith('@') ? target.split('/').slice(0, 2).join('/') : (target.split('/')[0] ?? '');
        if (name !== manifest.name && !declared.has(name)) wrong.push(`${relative(root, file)} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('docs/errors.md', () => {
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');
  const documented = new Map<string, string[]>();
  for (const section of page.split(/^## /m).slice(1)) {
    const name = section.slice(0, section.indexOf('\n')).trim();
    documented.set(
      name,
      [...section.matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map((match) => match[1] ?? ''),
    );
  }

  it.each(workspaces().filter((folder) => existsSync(join(root, folder, 'src/errors.ts'))))(
    'lists the codes of %s, all of them and no other',
    async (folder) => {
      const module = await import(pathToFileURL(join(root, folder, 'src/errors.ts')).href);
      const tables = Object.entries(module).filter(([name]) => name.endsWith('_ERRORS'));
      expect(tables.length, 'src/errors.ts exports one table of codes').toBe(1);
      const codes = Object.keys(tables[0]?.[1] as object);
      expect([...(documented.get(nameOf(folder)) ?? [])].sort()).toEqual(codes.sort());
    },
  );

  it.each(workspaces().filter((folder) => existsSync(join(root, folder, 'src/errors.ts'))))(
    '%s throws every code that it declares',
    async (folder) => {
      const module = await import(pathToFileURL(join(root, folder, 'src/errors.ts')).href);
      const table = Object.entries(module).find(([name]) => name.endsWith('_ERRORS'))?.[1] as object;
      const code = sources(join(root, folder, 'src'))
        .map((file) => readFileSync(file, 'utf8'))
        .join('\n');
      const silent = Object.keys(table).filter((name) => !code.includes(`'${name}'`));
      expect(silent).toEqual([]);
    },
  );
});
