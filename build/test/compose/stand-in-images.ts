import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cassandraJvmOptions } from '@kandle/servers/cassandra/cassandra-jvm';
import { ROOT } from '../../bundle.ts';

const FOLDER = join(import.meta.dirname, 'stand-ins');
/** The variables that name the stand-ins to compose.yaml. */
export const STAND_INS: Readonly<Record<string, string>> = {
  KAFKA_IMAGE: 'localhost/stand-in/kafka:test',
  CASSANDRA_IMAGE: 'localhost/stand-in/cassandra:test',
  PROMETHEUS_IMAGE: 'localhost/stand-in/prometheus:test',
};

const JARS = join(ROOT, '.kandle', 'jars');

/**
 * Builds what stands in for images where they cannot be pulled, behind the same interface: the released jars of
 * Kafka and Cassandra in Debian's Java, and Debian's Prometheus.
 *
 * @param base An image of Debian 12.
 */
export function buildStandIns(engine: string, base: string, options: readonly string[]): void {
  const context = mkdtempSync(join(tmpdir(), 'kandle-stand-ins-'));
  try {
    cpSync(FOLDER, context, { recursive: true });
    for (const server of ['kafka', 'cassandra'])
      cpSync(join(JARS, server), join(context, `${server}-jars`), { recursive: true, dereference: true });
    // Kafka's own commands are in a jar that the pipeline does not need.
    if (!existsSync(join(JARS, 'kafka-tools'))) {
      mkdirSync(join(JARS, 'kafka-tools'));
      execFileSync('mvn', [
        '-q',
        'dependency:copy',
        '-Dartifact=org.apache.kafka:kafka-tools:4.4.0',
        `-DoutputDirectory=${join(JARS, 'kafka-tools')}`,
      ]);
    }
    cpSync(join(JARS, 'kafka-tools'), join(context, 'kafka-jars'), { recursive: true });
    execFileSync(
      'python3',
      ['-m', 'pip', 'install', '-q', '--target', join(context, 'cqlsh'), 'cqlsh==6.2.2'],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    const jamm = '-javaagent:/opt/cassandra/lib/jamm-0.4.0.jar';
    writeFileSync(join(context, 'cassandra-options'), [jamm, ...cassandraJvmOptions(7199)].join('\n'));
    for (const server of ['kafka', 'cassandra', 'prometheus'])
      execFileSync(
        engine,
        [
          'build',
          ...options,
          '--build-arg',
          `BASE=${base}`,
          '--target',
          server,
          '-t',
          STAND_INS[`${server.toUpperCase()}_IMAGE`] ?? '',
          context,
        ],
        { stdio: ['ignore', 'ignore', 'inherit'] },
      );
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}
