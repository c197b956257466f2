import stringWidth from 'string-width';

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001F\u007F-\u009F\u2028\u2029]+/g;
const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The columns that a text without control characters takes in a terminal. */
export const textWidth: (text: string) => number = stringWidth;

/** The text without control characters, such as a line break or the begin of an escape sequence. */
export function withoutControls(text: string): string {
  return text.replace(CONTROL, ' ');
}

/** The text cut to at most so many columns; a cut one ends in `…`. */
export function cutText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns < 1) return '';
  let cut = '';
  let width = 0;
  for (const { segment } of segmenter.segment(text)) {
    width += textWidth(segment);
    if (width > columns - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}
