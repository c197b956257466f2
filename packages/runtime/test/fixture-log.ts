import { setTimeout as delay } from 'node:timers/promises';
import { readEnv } from '../src/config.ts';
import { createKafka, KafkaEnv } from '../src/kafka.ts';
import { createLogger } from '../src/log.ts';

/** Logs what a process logs, errors with causes and a broker that is away; run by `log.test.ts`. */
const log = createLogger('fixture', process.argv[2]);
log.debug('two\nlines');
log.info({ shard: 'finnhub-03' }, 'counted');
log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed');

const admin = createKafka(readEnv(KafkaEnv, process.env), 'fixture', log).admin();
await Promise.race([admin.connect(), delay(250)]);
process.exit(0);
