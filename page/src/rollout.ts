// The slider: on which side users would sign in at another percentage, by the edge's own function in wasm.

import init, { place } from "../build/rollout.js";
import { element } from "./dom.js";
import type { Settings } from "./session.js";

const SAMPLE = Array.from({ length: 100 }, (_, index) => `person-${index}@example.com`);

export class Rollout {
  #email: string | undefined;
  readonly #slider = element<HTMLInputElement>("percent");
  readonly #people = element("people");

  private constructor(private readonly group: string) {}

  static async start({ rollout }: Settings): Promise<Rollout> {
    await init({ module_or_path: "/rollout_bg.wasm" });
    const made = new Rollout(rollout.group);
    made.#people.replaceChildren(...SAMPLE.map(() => document.createElement("li")));
    made.#slider.value = rollout.percent;
    made.#slider.addEventListener("input", () => made.#show());
    made.#show();
    return made;
  }

  /** Follows another user from now on. */
  follow(email: string | undefined): void {
    this.#email = email;
    this.#show();
  }

  #show(): void {
    const percent = this.#slider.value;
    const moved = SAMPLE.filter((email, index) => {
      const { side, bucket } = place(this.group, percent, email);
      const dot = this.#people.children[index];
      dot?.classList.toggle("v2", side === "v2");
      dot?.setAttribute("title", `${email}: ${side}, bucket ${bucket ?? "none"}`);
      return side === "v2";
    });
    element("percent-shown").textContent = `${percent} %: ${moved.length} of ${SAMPLE.length} sample users sign in at v2`;
    const own = this.#email === undefined ? undefined : place(this.group, percent, this.#email);
    element("own-place").className = own?.side ?? "nobody";
    element("own-place").textContent =
      own === undefined
        ? "Sign in with an address, and your own place is shown here."
        : `You would sign in at ${own.side} (${own.reason}): your bucket is ${own.bucket ?? "none"} of 10,000.`;
  }
}
