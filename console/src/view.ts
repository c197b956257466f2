/** A page of the console. */
export interface View {
  readonly element: HTMLElement;
  show(isShown: boolean): void;
}
