// The few things done to the document. Text is only ever set as text.

export function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** A table row of text cells. */
export function row(cells: readonly (string | number)[]): HTMLTableRowElement {
  const made = document.createElement("tr");
  for (const cell of cells) made.insertCell().textContent = String(cell);
  return made;
}

/** Fills a `dl` with names and values. */
export function define(list: HTMLElement, entries: readonly (readonly [name: string, value: string])[]): void {
  const made = entries.flatMap(([name, value]) => {
    const term = document.createElement("dt");
    const definition = document.createElement("dd");
    term.textContent = name;
    definition.textContent = value;
    return [term, definition];
  });
  list.replaceChildren(...made);
}
