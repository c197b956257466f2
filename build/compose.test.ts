import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPlan } from '@kandle/knative/read-plan';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { ROOT } from './bundle.ts';

const text = readFileSync(join(ROOT, 'compose.yaml'), 'utf8');
const ServiceSchema = z.object({
  image: z.string(),
  build: z.looseObject({}).optional(),
  restart: z.enum(['unless-stopped', 'no']),
  mem_limit: z.string().regex(/^\d+m$/),
  ports: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  // `disable: true` is no status at all to `up --wait`, which then fails.
  healthcheck: z.looseObject({ test: z.array(z.string()), disable: z.never().optional() }).optional(),
  volumes: z.array(z.string()).default([]),
  profiles: z.array(z.string()).default([]),
});
const { services, 'x-images': images } = z
  .looseObject({
    services: z.record(z.string(), ServiceSchema),
    'x-images': z.record(z.string(), z.string()),
  })
  .parse(parse(text, { merge: true }));
const entries = Object.entries(services);

test('every image that is pulled stands once, exact and with a variable of its own; all others are built here', () => {
  for (const [name, image] of Object.entries(images)) {
    const variable = `${name.toUpperCase().replace('-', '_')}_IMAGE`;
    expect(image).toMatch(new RegExp(String.raw`^\$\{${variable}:-[a-z.]+/[a-z0-9./-]+:[\w.-]+\}$`));
    // The one of distroless has no version but its content: its name holds Node's.
    if (name !== 'run') expect(image).toMatch(/:v?\d+\.\d+[\w.-]*\}$/);
  }
  const pulled = new Set(Object.values(images));
  for (const [name, { image, build }] of entries) {
    if (build === undefined) expect([name, pulled.has(image)]).toEqual([name, true]);
    else expect(image).toMatch(/^kandle\/[a-z]+:\$\{KANDLE_TAG:-dev\}$/);
  }
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  for (const name of ['node', 'run']) {
    const [, pinned] = /:-(.+)\}$/.exec(images[name] ?? '') ?? [];
    expect(dockerfile).toContain(`ARG ${name.toUpperCase()}_IMAGE=${pinned}\n`);
  }
  // Sources that are no longer kept, or never were.
  expect(text).not.toMatch(/bitnami|provectus|cassandra-web/);
});

test('.env.example has every variable, and no other', () => {
  const used = new Set([...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name = '']) => name));
  const example = readFileSync(join(ROOT, '.env.example'), 'utf8');
  const told = [...example.matchAll(/^# ([A-Z_]+)=/gm)].map(([, name = '']) => name);
  expect(told.filter((name) => name !== 'COMPOSE_PROFILES').toSorted()).toEqual([...used].toSorted());
});

test('every port is for this machine only', () => {
  for (const port of entries.flatMap(([, { ports }]) => ports))
    expect(port).toMatch(/^127\.0\.0\.1:\$\{[A-Z_]+_PORT:-\d+\}:\d+$/);
});

test('a service is checked, or ends, or says why not', () => {
  const unchecked = entries.filter(
    ([, { healthcheck, restart }]) => healthcheck === undefined && restart !== 'no',
  );
  expect(unchecked.map(([name]) => name)).toEqual(['generator']);
  expect(text).toContain('# No health check: ingest is unready where nothing listens here.');
});

test('no password stands in it, and none has a default: logins are files that prepare.sh makes', () => {
  for (const [name, { environment }] of entries) {
    for (const [variable, value] of Object.entries(environment))
      if (/PASSWORD|TOKEN|SECRET/.test(variable))
        expect([name, variable, value]).toEqual([
          name,
          variable,
          expect.stringMatching(/secrets?\/|logins\//),
        ]);
  }
  const mounts = entries.flatMap(([, { volumes }]) => volumes).filter((one) => one.includes('SECRETS'));
  expect(mounts.length).toBeGreaterThan(15);
  for (const mount of mounts)
    expect(mount).toMatch(/^\$\{KANDLE_SECRETS:\?run compose\/prepare\.sh first\}[a-z/-]*:\/[a-z/]+:ro$/);
});

test('a function has the memory and the settings of its manifest', async () => {
  const { services: functions, observers, ingest } = await readPlan();
  const planned = [...functions, ...observers, ...(ingest === null ? [] : [ingest])];
  for (const { name, memoryMb, env } of planned) {
    const service = services[name];
    expect([name, service?.mem_limit]).toEqual([name, `${memoryMb}m`]);
    const own = Object.entries(env).filter(
      // Where servers are, and what the feed is, differ; targets and rules are files of a cluster.
      ([variable]) => !/^(KAFKA_|CASSANDRA_|OTEL_|FEED|SYMBOLS)|_FILE$/.test(variable),
    );
    expect([name, service?.environment]).toEqual([name, expect.objectContaining(Object.fromEntries(own))]);
  }
});
