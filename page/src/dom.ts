// Helpers for the document. They set text only as text.

export function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** A cell: a text, or a text in a class of its own. */
export type Cell = string | number | { readonly text: string | number; readonly look: string };

/** A table row of cells. Numbers stand under each other. */
export function row(cells: readonly Cell[]): HTMLTableRowElement {
  const made = document.createElement("tr");
  for (const cell of cells) {
    const place = made.insertCell();
    if (typeof cell === "object") {
      const inside = document.createElement("span");
      inside.className = cell.look;
      inside.textContent = String(cell.text);
      place.append(inside);
    } else {
      place.textContent = String(cell);
      if (typeof cell === "number") place.className = "number";
    }
  }
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
