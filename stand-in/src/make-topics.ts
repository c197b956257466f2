import { readPlan } from '@kandle/knative/read-plan';
import { readEnv } from '@kandle/runtime/config';
import { describeError } from '@kandle/runtime/errors';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';

/** The end of compose.yaml's `kafka-set-up`: the topics of `knative/base` that are not there yet. */
async function main(): Promise<void> {
  const admin = createKafka(
    readEnv(KafkaEnv, process.env),
    'make-topics',
    createLogger('make-topics', 'warn'),
  ).admin();
  try {
    await admin.connect();
    const { topics } = await readPlan();
    await createTopics(admin, topics);
    console.log(`there: ${topics.map(({ topic }) => topic).join(', ')}`);
  } finally {
    await admin.disconnect();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`make-topics: ${describeError(error)}\n`);
  process.exit(1);
});
