import { relative, sep } from 'node:path';
import type { Plugin } from 'esbuild';

/** A module that is loaded when it is first used, not when the function starts. */
interface Lazy {
  /** As it is required. */
  readonly path: string;
  /** The end of the file that requires it; undefined for any. */
  readonly importer?: string;
  /** It is called once at the start, for a function that is used later or never: that one is lazy. */
  readonly isFactory?: true;
}

/**
 * Loaded at a cold start by whoever requires them, and used by us never or much later. They stay in the bundle
 * and whole: the first use loads the real one.
 */
const LAZY: readonly Lazy[] = [
  // Of the function runtime: form bodies, its `func.yaml`, raw bodies. Our boundary lets only events as bytes
  // pass.
  { path: 'qs' },
  { path: 'js-yaml' },
  { path: 'fastify-raw-body' },
  // Of fastify: schemas of routes, plugins that name a version, proxies. The runtime's routes have none of
  // them.
  { path: '@fastify/ajv-compiler', isFactory: true },
  { path: '@fastify/fast-json-stringify-compiler', isFactory: true },
  { path: 'semver' },
  { path: 'proxy-addr' },
  // Of KafkaJS: most functions only produce.
  { path: './consumer', importer: 'kafkajs/src/index.js' },
  { path: './admin', importer: 'kafkajs/src/index.js' },
  // Of the Cassandra driver: what only Astra and DSE have.
  { path: 'adm-zip' },
  { path: './datastax/cloud', importer: 'cassandra-driver/lib/client.js' },
  { path: './insights-client', importer: 'cassandra-driver/lib/client.js' },
];

/** Modules of Node that only TLS, logins and made-up ids need, a third of all that is loaded otherwise. */
const LAZY_BUILTIN = /^(?:node:)?(?:crypto|https|tls|vm|worker_threads)$/;

/**
 * Modules that register routes for GET, which our boundary answers itself (`function-server.ts`), and measure
 * what nobody can ask for: prom-client, node-os-utils and overload-protection are loaded for nothing else.
 */
const REPLACED: ReadonlyMap<string, string> = new Map([
  ['./health-check', 'module.exports = () => (server, options, done) => done();'],
  ['./metrics', 'module.exports = () => () => (request, reply) => reply.code(404).send();'],
]);

const NAMES = [...new Set(LAZY.map(({ path }) => path)), ...REPLACED.keys()];
const FILTER = new RegExp(
  `^(?:${NAMES.map((name) => name.replaceAll(/[./]/g, String.raw`\$&`)).join('|')})$`,
);

/**
 * The list of all languages that zod's messages come in: nobody asks for another than English, which it has
 * itself.
 */
const ZOD_LOCALES = /^\.\.\/locales\/index\.js$/;

/** Keeps out of a function's start what it does not need there. `docs/performance.md` says what that saves. */
export function leanPlugin(root: string): Plugin {
  return {
    name: 'lean',
    setup({ onResolve, onLoad, resolve }) {
      onResolve({ filter: FILTER }, async ({ path, importer, resolveDir, kind, pluginData }) => {
        if (pluginData === 'real' || kind !== 'require-call') return undefined;
        const from = importer.split(sep).join('/');
        if (REPLACED.has(path)) {
          return from.endsWith('func-ts/lib/request-handler.js')
            ? { path, namespace: 'replaced' }
            : undefined;
        }
        const lazy = LAZY.find((one) => one.path === path && from.endsWith(one.importer ?? ''));
        if (lazy === undefined) return undefined;
        const real = await resolve(path, { importer, resolveDir, kind, pluginData: 'real' });
        if (real.errors.length > 0) return { errors: real.errors };
        // Relative, for the path stays in the bundle: it is the same wherever the project lies.
        const namespace = lazy.isFactory === true ? 'factory' : 'lazy';
        return { path: relative(root, real.path).split(sep).join('/'), namespace };
      });
      onResolve({ filter: LAZY_BUILTIN }, ({ path, importer, pluginData }) => {
        if (pluginData === 'real' || !importer.includes('node_modules')) return undefined;
        return { path: path.replace('node:', ''), namespace: 'builtin' };
      });
      onResolve({ filter: ZOD_LOCALES }, ({ path, importer }) =>
        importer.split(sep).join('/').includes('/node_modules/zod/v4/')
          ? { path, namespace: 'none' }
          : undefined,
      );
      onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'export {};' }));
      onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
        contents: lazyModule(`node:${path}`),
      }));
      onLoad({ filter: /.*/, namespace: 'replaced' }, ({ path }) => ({ contents: REPLACED.get(path) ?? '' }));
      onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => ({
        contents: lazyModule(`./${path}`),
        resolveDir: root,
      }));
      onLoad({ filter: /.*/, namespace: 'factory' }, ({ path }) => ({
        contents: `module.exports = (...made) => (...used) => require(${JSON.stringify(`./${path}`)})(...made)(...used);`,
        resolveDir: root,
      }));
    },
  };
}

/** The text of a module that stands for another until it is used in any way. */
function lazyModule(path: string): string {
  return `
    let real;
    const load = () => (real ??= require(${JSON.stringify(path)}));
    module.exports = new Proxy(function () {}, {
      // What compiled imports ask first; none of these modules has it.
      get: (_, name) => (name === '__esModule' ? undefined : load()[name]),
      has: (_, name) => name in load(),
      apply: (_, self, args) => Reflect.apply(load(), self, args),
      construct: (_, args) => Reflect.construct(load(), args),
    });`;
}
