import { describe, expect, test, vi } from 'vitest';
import { send, startFunction, startReady, TIMEOUT, toDo } from './running-function.ts';

describe.concurrent('the process of a function', TIMEOUT, () => {
  test('serveFunction() drains a running request, refuses new ones and ends with 0, when SIGTERM comes', async (context) => {
    const running = await startReady(context);
    const slow = send(running.port, toDo('wait', 700));
    await running.logged('"begun"');
    running.child.kill('SIGTERM');
    await running.logged('taking no new events');
    const [ready, alive, late] = await Promise.all([
      send(running.port, { method: 'GET', path: '/health/readiness' }),
      send(running.port, { method: 'GET', path: '/health/liveness' }),
      send(running.port),
    ]);
    expect([ready.status, alive.status, late.status]).toEqual([503, 200, 503]);
    expect(await slow).toEqual({ status: 204, text: '' });
    expect(await running.ended()).toBe(0);
    expect(running.log().match(/"closed"/g)).toHaveLength(1);
  });

  test('serveFunction() answers 429 to more events than it may hold, and takes them once there is room', async (context) => {
    const running = await startReady(context, { MAX_IN_FLIGHT: '3' });
    const held = [1, 2, 3].map(() => send(running.port, toDo('wait', 3_000)));
    await vi.waitFor(() => expect(running.log().match(/"begun"/g)).toHaveLength(3), 10_000);
    const refused = await Promise.all([send(running.port), send(running.port)]);
    expect(refused).toEqual(refused.map(() => ({ status: 429, text: 'Busy: send the event again' })));
    for (const one of held) expect((await one).status).toBe(204);
    expect((await send(running.port)).status).toBe(204);
  });

  test('serveFunction() answers 429 to more bytes than it may hold, but takes one event however large', async (context) => {
    const running = await startReady(context, { MAX_IN_FLIGHT_BYTES: '4096' });
    const large = { body: JSON.stringify({ do: 'wait', ms: 3_000, padding: 'x'.repeat(8_000) }) };
    const held = send(running.port, large);
    await running.logged('"begun"');
    expect((await send(running.port, large)).status).toBe(429);
    // In chunks nobody knows how many will come.
    expect(
      (await send(running.port, { body: [Buffer.from('{"do":'), Buffer.from('"nothing"}')] })).status,
    ).toBe(429);
    expect((await held).status).toBe(204);
    expect((await send(running.port)).status).toBe(204);
  });

  test('serveFunction() closes its connections once, when it is told to stop twice', async (context) => {
    const running = await startReady(context, { CLOSE_MS: '300' });
    running.child.kill('SIGTERM');
    await running.logged('"closed"');
    running.child.kill('SIGINT');
    expect(await running.ended()).toBe(0);
    expect(running.log().match(/"closed"/g)).toHaveLength(1);
  });

  test('serveFunction() gives up on a running request and ends with 0, when the drain deadline passes', async (context) => {
    const running = await startReady(context, { DRAIN_MS: '100' });
    const slow = send(running.port, toDo('wait', 60_000));
    await running.logged('"begun"');
    running.child.kill('SIGTERM');
    await expect(slow).rejects.toThrow(/ECONNRESET|socket hang up/);
    expect(await running.ended()).toBe(0);
    expect(running.log()).toContain('"closed"');
  });

  test.for(['crash', 'reject'])(
    'serveFunction() ends with 1, when the function has a fault nobody handles (%s)',
    async (what, context) => {
      const running = await startReady(context);
      await expect(send(running.port, toDo(what))).rejects.toThrow(/ECONNRESET|socket hang up/);
      expect(await running.ended()).toBe(1);
      expect(running.log()).toMatch(/"level":"fatal".*Cannot go on: nobody/);
    },
  );

  test('serveFunction() answers 500 and ends with 1, when the handler throws a FatalError', async (context) => {
    const running = await startReady(context);
    expect(await send(running.port, toDo('fatal'))).toEqual({
      status: 500,
      text: 'Cannot go on: broken wiring',
    });
    expect(await running.ended()).toBe(1);
  });

  test('runFunction() ends with 1 and one line on standard error, when a variable is malformed', async () => {
    const running = await startFunction({ DRAIN_MS: 'soon', LOG_LEVEL: 'loud' });
    expect(await running.ended()).toBe(1);
    expect(running.log()).toMatch(/^fixture: Cannot start: LOG_LEVEL: .*; DRAIN_MS: .*\n$/);
    expect(running.log()).not.toMatch(/soon|loud/);
  });
});
