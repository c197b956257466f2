import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { event, setUp, topics } from './bench.ts';

describe.concurrent('the request', () => {
  test('one record is one POST over HTTP/1.1 in binary mode, and gains its partition and offset', async (context) => {
    const bench = await setUp(context);
    const value = JSON.stringify({ text: 'Zürich ↯', numbers: [1, 2.5] });
    await topics.produce(bench.topic, [
      event('a:1', {
        value,
        headers: { ce_shard: 'test-03', ce_sequence: '17', ce_time: '2024-05-01T00:00:00Z' },
      }),
      event('a:2'),
    ]);
    await bench.start();
    const [first, second] = await bench.sink.until(2);
    expect(first).toMatchObject({ method: 'POST', url: '/', httpVersion: '1.1' });
    expect(first?.body.toString()).toBe(value);
    const attributes = Object.entries(first?.headers ?? {}).filter(([name]) => name.startsWith('ce-'));
    expect(Object.fromEntries(attributes)).toEqual({
      'ce-specversion': '1.0',
      'ce-id': 'a:1',
      'ce-source': '/feeds/test',
      'ce-type': 'io.kandle.test.v1',
      'ce-shard': 'test-03',
      'ce-sequence': '17',
      'ce-time': '2024-05-01T00:00:00Z',
      'ce-knativekafkapartition': '0',
      'ce-knativekafkaoffset': '0',
    });
    expect(first?.headers['content-type']).toBe('application/json');
    expect(first?.headers['user-agent']).toMatch(/\S/);
    expect(first?.headers).toMatchObject({ prefer: 'reply', 'kn-namespace': 'kandle' });
    expect(second?.headers).toMatchObject({ 'ce-id': 'a:2', 'ce-knativekafkaoffset': '1' });
    expect(bench.sink.requests).toHaveLength(2);
  });

  test('a record without data is a POST without a body', async (context) => {
    const bench = await setUp(context);
    await topics.produce(bench.topic, [event('empty', { value: null })]);
    await bench.start();
    const [request] = await bench.sink.until(1);
    expect(request?.headers['ce-id']).toBe('empty');
    expect(request?.body).toHaveLength(0);
  });

  test('key, topic and other headers of a CloudEvent are lost, and its trace goes on', async (context) => {
    const bench = await setUp(context);
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const headers = {
      traceparent: `00-${trace}-b7ad6b7169203331-01`,
      other: 'other-value',
      'X-More': 'more-value',
    };
    await topics.produce(bench.topic, [event('one', { key: 'the-key', headers })]);
    await bench.start();
    const [request] = await bench.sink.until(1);
    expect(request?.headers['traceparent']).toContain(trace);
    const text = JSON.stringify(request?.headers);
    for (const lost of ['the-key', bench.topic, 'other-value', 'more-value'])
      expect(text).not.toContain(lost);
  });

  test.for(['ce_specversion', 'ce_id', 'ce_source', 'ce_type'])(
    'a record without %s is treated as plain, and delivered all the same',
    async (missing, context) => {
      const bench = await setUp(context);
      const { headers, ...whole } = event('whole', { key: 'the-key' });
      const left = Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => name !== missing));
      await topics.produce(bench.topic, [{ ...whole, headers: left }, event('next')]);
      await bench.start();
      const [request, next] = await bench.sink.until(2);
      expect(request?.headers).toMatchObject({
        'ce-specversion': '1.0',
        'ce-type': 'dev.knative.kafka.event',
        'ce-id': 'partition:0/offset:0',
        'ce-subject': 'partition:0#0',
        'ce-key': 'the-key',
        'ce-knativekafkaoffset': '0',
        'content-type': 'application/json',
      });
      expect(request?.headers['ce-source']).toMatch(
        new RegExp(`^/apis/v1/namespaces/[^/]+/kafkasources/[^/]+#${bench.topic}$`),
      );
      expect(request?.body.toString()).toBe('{"id":"whole"}');
      expect(next?.headers['ce-id']).toBe('next');
    },
  );

  test('a record without headers is a plain event, with its bytes as they are', async (context) => {
    const bench = await setUp(context);
    const value = randomBytes(300);
    await topics.produce(bench.topic, [{ value }]);
    await bench.start();
    const [request] = await bench.sink.until(1);
    expect(request?.headers['ce-type']).toBe('dev.knative.kafka.event');
    expect(request?.headers).not.toHaveProperty('ce-key');
    expect(request?.body.equals(value)).toBe(true);
  });

  test('a record in structured mode is sent in binary mode', async (context) => {
    const bench = await setUp(context);
    const structured = {
      specversion: '1.0',
      id: 's',
      source: '/feeds/test',
      type: 'io.kandle.test.v1',
      shard: 'x',
    };
    const data = { price: 1.5 };
    await topics.produce(bench.topic, [
      {
        value: JSON.stringify({ ...structured, datacontenttype: 'application/json', data }),
        headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
      },
    ]);
    await bench.start();
    const [request] = await bench.sink.until(1);
    expect(request?.headers).toMatchObject({
      'ce-id': 's',
      'ce-type': 'io.kandle.test.v1',
      'ce-shard': 'x',
      'content-type': 'application/json',
    });
    expect(JSON.parse(request?.body.toString() ?? '')).toEqual(data);
  });

  test('an attribute that HTTP cannot carry does not block the partition', async (context) => {
    const bench = await setUp(context);
    await topics.produce(bench.topic, [
      event('one', { headers: { ce_subject: 'Zürich → Genève' } }),
      event('two', { headers: { 'ce_bad name': 'x' } }),
      event('three'),
    ]);
    await bench.start();
    const requests = await bench.sink.until(3);
    expect(requests[0]?.headers['ce-subject']).toBe(
      `Z${encodeURIComponent('ü')}rich ${encodeURIComponent('→')} Gen${encodeURIComponent('è')}ve`,
    );
    expect(requests[2]?.headers['ce-id']).toBe('three');
  });

  test.for(['\r\n', '\n', '\r'])(
    'an event with a line break in an attribute is lost, without a dead letter, and the next one comes: %j',
    async (lineBreak, context) => {
      const bench = await setUp(context);
      await topics.produce(bench.topic, [
        event('lost', { headers: { ce_subject: `one${lineBreak}x-evil: 1` } }),
        event('next'),
      ]);
      const running = await bench.start();
      const [request] = await bench.sink.until(1);
      await running.stop();
      expect(request?.headers['ce-id']).toBe('next');
      expect(await topics.size(bench.dead)).toBe(0);
      expect(await topics.committed(bench.plan.consumerGroup, bench.topic)).toBe(2);
    },
  );
});
