// Builds dist/ from src/ and writes what it was built from: `npm ci --ignore-scripts && npm run build`. Only this file
// and what it writes matter to the Go build, which needs no Node.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync, mkdirSync } from 'node:fs';
import { build } from 'esbuild';

const here = new URL('.', import.meta.url).pathname;
process.chdir(here);
mkdirSync('dist', { recursive: true });

await build({
  entryPoints: { page: 'src/main.js' },
  bundle: true,
  minify: true,
  format: 'iife',
  target: ['chrome111', 'firefox113', 'safari16.4'],
  charset: 'utf8',
  legalComments: 'none', // dist/LICENSES.txt has them
  outdir: 'dist',
  logLevel: 'warning',
});

// The licences of what is built in.
const packages = ['cytoscape', 'uplot'];
const texts = packages.map((name) => {
  const { version, license } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'));
  const text = readFileSync(`node_modules/${name}/LICENSE`, 'utf8').trim();
  return `${name} ${version} ${license}\n\n${text}\n`;
});
writeFileSync('dist/LICENSES.txt', texts.join('\n----\n\n'));

// The sources, in an order that does not depend on the machine. TestBuilt compares.
const sources = ['build.mjs', 'package.json', 'package-lock.json', ...readdirSync('src').sort().map((f) => `src/${f}`)];
const lines = sources.map((f) => `${createHash('sha256').update(readFileSync(f)).digest('hex')}  ${f}\n`);
writeFileSync('dist/sources.sha256', lines.join(''));
