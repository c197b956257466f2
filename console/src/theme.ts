/** The colours of the page that a canvas needs to know. */
export interface Colors {
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  readonly panel: string;
  readonly up: string;
  readonly down: string;
  readonly accent: string;
  readonly sma: string;
  readonly ema: string;
  readonly vwap: string;
  readonly band: string;
}

const KEY = 'kandle-theme';

/** Colours as the style sheet has them now. */
export function readColors(): Colors {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    text: color('text'),
    muted: color('muted'),
    line: color('line'),
    panel: color('panel'),
    up: color('up'),
    down: color('down'),
    accent: color('accent'),
    sma: color('sma'),
    ema: color('ema'),
    vwap: color('vwap'),
    band: color('band'),
  };
}

/** A colour with an opacity. @param color `#rrggbb`. */
export function faded(color: string, opacity: number): string {
  const byte = Math.round(opacity * 255);
  return `${color}${byte.toString(16).padStart(2, '0')}`;
}

/** Light or dark as chosen before, or as the system is; tells of every change. */
export function startTheme(onChange: () => void): { toggle(): void } {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const root = document.documentElement;

  function apply(): void {
    const chosen = localStorage.getItem(KEY);
    root.dataset['theme'] =
      chosen === 'light' || chosen === 'dark' ? chosen : system.matches ? 'dark' : 'light';
    onChange();
  }

  system.addEventListener('change', apply);
  apply();
  return {
    toggle() {
      localStorage.setItem(KEY, root.dataset['theme'] === 'dark' ? 'light' : 'dark');
      apply();
    },
  };
}
