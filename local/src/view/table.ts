import { styleText } from 'node:util';
import { cutText, textWidth } from './text-width.ts';

/** How a piece of text looks. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** A piece of a line. */
export interface Piece {
  readonly text: string;
  readonly style?: Style | undefined;
}

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** Keeps the column from growing and shrinking as its values do. */
  readonly minWidth: number;
  /** Where the width is short, columns with the highest number go first; 0 stays. */
  readonly rank: number;
  readonly cell: (row: Row) => Piece;
}

const GAP = '  ';

/** The lines of a table, its title first, with the columns that fit. */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): readonly (readonly Piece[])[] {
  const measured = columns.map((column) => {
    const cells = rows.map(column.cell);
    const widest = Math.max(
      column.minWidth,
      ...[column.title, ...cells.map(({ text }) => text)].map(textWidth),
    );
    return { column, cells, widest };
  });
  const kept = new Set(measured);
  const total = (): number =>
    [...kept].reduce((sum, { widest }) => sum + widest, GAP.length * (kept.size - 1));
  for (const place of measured
    .filter(({ column }) => column.rank > 0)
    .toSorted((a, b) => b.column.rank - a.column.rank)) {
    if (total() <= width) break;
    kept.delete(place);
  }
  const title = [...kept].flatMap(({ column, widest }) =>
    padded({ text: column.title, style: 'dim' }, column, widest),
  );
  return [
    title,
    ...rows.map((_, index) =>
      [...kept].flatMap(({ column, cells, widest }) => padded(cells[index] ?? { text: '' }, column, widest)),
    ),
  ];
}

function padded<Row>(piece: Piece, { align }: Column<Row>, width: number): readonly Piece[] {
  const padding = { text: ' '.repeat(Math.max(0, width - textWidth(piece.text))) };
  return align === 'left' ? [piece, padding, { text: GAP }] : [padding, piece, { text: GAP }];
}

/** The line as text of at most so many columns, painted if it is to be. */
export function lineText(pieces: readonly Piece[], columns: number, color: boolean): string {
  let left = columns;
  let text = '';
  // What only pads is not worth a cut.
  const last = pieces.findLastIndex((piece) => piece.text.trim() !== '');
  for (const piece of pieces.slice(0, last + 1)) {
    const shown = cutText(piece.text, left);
    left -= textWidth(shown);
    text += color && piece.style !== undefined ? paint(shown, piece.style) : shown;
    if (shown !== piece.text) break;
  }
  return text;
}

function paint(text: string, style: Style): string {
  return text === '' ? '' : styleText(style, text, { validateStream: false });
}
