import * as z from 'zod/mini';
import { ApiError, ask, pathOf } from '../api.ts';
import { button, h } from '../dom.ts';
import { formatBytes, formatCount, formatMs, type TimeTexts } from '../format.ts';
import { pretty } from '../pretty.ts';
import { tableOf } from '../table.ts';
import type { View } from '../view.ts';

const TableSchema = z.object({
  name: z.string(),
  columns: z.array(z.object({ name: z.string(), type: z.string(), kind: z.string() })),
  ttlSeconds: z.number(),
  compaction: z.string(),
  mebibytes: z.nullable(z.number()),
  rows: z.nullable(z.number()),
  hasMoreRows: z.boolean(),
});
type TableFacts = z.infer<typeof TableSchema>;

const TopicSchema = z.object({
  name: z.string(),
  partitions: z.number(),
  held: z.number(),
  written: z.number(),
});
type TopicFacts = z.infer<typeof TopicSchema>;

const RowsSchema = z.object({ columns: z.array(z.string()), rows: z.array(z.array(z.string())) });

const EventSchema = z.object({
  partition: z.number(),
  offset: z.string(),
  writtenMs: z.number(),
  key: z.string(),
  headers: z.record(z.string(), z.string()),
  value: z.string(),
  bytes: z.number(),
});

const LIMIT = 50;
/** What is shown before anything is chosen, where there is room beside the list. */
const FIRST = 'candles_5s';
const NARROW = matchMedia('(max-width: 760px)');

/** A read-only look into Cassandra's tables and Kafka's topics; only the launcher on this machine gives it. */
export function createDataView(texts: () => TimeTexts): View {
  const tables = h('ul', { class: 'things', 'aria-label': 'Tables' });
  const topics = h('ul', { class: 'things', 'aria-label': 'Topics' });
  const hint = h(
    'p',
    { class: 'note narrow' },
    'Tap a table for its columns and first rows, a topic for its newest events.',
  );
  const back = button('‹ All tables and topics', goBack, { class: 'back narrow' });
  const detail = h('div', { class: 'detail', 'aria-live': 'polite' });
  const absent = h(
    'p',
    { class: 'note', hidden: true },
    'This page is for the launcher on one machine (npm start): on a cluster nobody reads tables and topics through a web page.',
  );
  const content = h(
    'div',
    { class: 'data' },
    h(
      'nav',
      { 'aria-label': 'Tables and topics' },
      hint,
      h('h2', {}, 'Cassandra'),
      tables,
      h('h2', {}, 'Kafka'),
      topics,
    ),
    h('div', {}, back, detail),
  );
  const element = h('section', { class: 'page', 'aria-label': 'Data' }, h('h1', {}, 'Data'), absent, content);
  let chosen = '';

  async function load(): Promise<void> {
    await attempt(async () => {
      const [foundTables, foundTopics] = await Promise.all([
        ask(z.array(TableSchema), '/local/tables'),
        ask(z.array(TopicSchema), '/local/topics'),
      ]);
      absent.hidden = true;
      content.hidden = false;
      tables.replaceChildren(...foundTables.map((one) => thing(one.name, sizeOf(one), () => showTable(one))));
      topics.replaceChildren(
        ...foundTopics.map((one) => thing(one.name, unitsOf(one.held, 'event'), () => showTopic(one))),
      );
      const first = foundTables.find(({ name }) => name === FIRST) ?? foundTables[0];
      if (chosen === '' && first !== undefined && !NARROW.matches) choose(first.name, () => showTable(first));
    });
  }

  async function attempt(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (tables.childElementCount === 0) {
        absent.hidden = false;
        content.hidden = true;
      } else detail.replaceChildren(h('p', { class: 'problem' }, error.message));
    }
  }

  function choose(name: string, open: () => Promise<void>): void {
    chosen = name;
    for (const one of element.querySelectorAll('.things button')) {
      if (one.getAttribute('data-name') === name) one.setAttribute('aria-current', 'true');
      else one.removeAttribute('aria-current');
    }
    detail.replaceChildren(h('h2', {}, name), h('p', { class: 'note' }, 'Reading …'));
    // On a phone it takes the place of the list.
    content.classList.add('chosen');
    if (NARROW.matches) back.focus();
    void attempt(open);
  }

  function goBack(): void {
    content.classList.remove('chosen');
    element.querySelector<HTMLElement>('.things [aria-current]')?.focus();
  }

  function thing(name: string, size: string, open: () => Promise<void>): HTMLElement {
    const press = button('', () => choose(name, open), {
      'data-name': name,
      'aria-current': name === chosen ? 'true' : null,
    });
    press.append(h('span', {}, name), h('span', { class: 'more' }, size));
    return h('li', {}, press);
  }

  async function showTable(table: TableFacts): Promise<void> {
    const { columns, rows } = await ask(
      RowsSchema,
      pathOf('/local/rows', { name: table.name, limit: LIMIT }),
    );
    if (chosen !== table.name) return;
    detail.replaceChildren(
      h('h2', {}, table.name),
      h(
        'p',
        { class: 'note' },
        `Rows live ${table.ttlSeconds === 0 ? 'for ever' : formatTtl(table.ttlSeconds)}; ${table.compaction}; ` +
          onDisk(table.mebibytes),
      ),
      tableOf(
        'Columns',
        ['Column', 'Type', 'Key'],
        table.columns.map(({ name, type, kind }) => [
          name,
          type,
          kind === 'regular' ? '' : kind.replace('_', ' '),
        ]),
      ),
      h('h3', {}, `SELECT * FROM ${table.name} LIMIT ${LIMIT}`),
      rows.length === 0 ? h('p', { class: 'note' }, 'No row.') : tableOf('Rows', columns, rows),
    );
  }

  async function showTopic(topic: TopicFacts): Promise<void> {
    const events = await ask(
      z.array(EventSchema),
      pathOf('/local/events', { name: topic.name, limit: LIMIT }),
    );
    if (chosen !== topic.name) return;
    detail.replaceChildren(
      h('h2', {}, topic.name),
      h(
        'p',
        { class: 'note' },
        `${topic.partitions} partitions, ${formatCount(topic.held)} events held of ${formatCount(topic.written)} ever written. The newest ${events.length}:`,
      ),
      ...events.map(({ partition, offset, writtenMs, key, headers, value, bytes }) =>
        h(
          'details',
          { class: 'letter' },
          h(
            'summary',
            {},
            h('time', {}, texts().full(writtenMs)),
            h('b', {}, ` ${headers['ce_type'] ?? 'no CloudEvent'} `),
            h('span', {}, `${key} · partition ${partition}, offset ${offset}, ${formatBytes(bytes)}`),
          ),
          h('h3', {}, 'Headers'),
          h(
            'pre',
            { tabindex: 0, 'aria-label': 'Headers' },
            Object.entries(headers)
              .map(([name, text]) => `${name}: ${text}`)
              .join('\n'),
          ),
          h('h3', {}, 'Value'),
          h('pre', { tabindex: 0, 'aria-label': 'Value' }, pretty(value)),
        ),
      ),
    );
  }

  return {
    element,
    show(isShown) {
      element.hidden = !isShown;
      if (isShown) void load();
    },
  };
}

/** Rows tell more of a small table than whole mebibytes do. */
function sizeOf({ rows, hasMoreRows, mebibytes }: TableFacts): string {
  if (hasMoreRows && mebibytes !== null && mebibytes > 1) return `${formatCount(mebibytes)} MiB`;
  if (rows === null) return '';
  if (rows === 0) return 'empty';
  return hasMoreRows ? `${formatCount(rows)}+ rows` : unitsOf(rows, 'row');
}

function unitsOf(count: number, unit: string): string {
  return `${formatCount(count)} ${unit}${count === 1 ? '' : 's'}`;
}

/** Cassandra tells whole mebibytes, rounded up. */
function onDisk(mebibytes: number | null): string {
  if (mebibytes === null) return 'size not known';
  return mebibytes === 0 ? 'nothing on disk yet' : `at most ${formatCount(mebibytes)} MiB on disk`;
}

function formatTtl(seconds: number): string {
  return seconds >= 172_800 ? `${Math.round(seconds / 86_400)} days` : formatMs(seconds * 1_000);
}
