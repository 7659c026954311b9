// The development page: sign in either way, and see your identity at the edge, which side answered, and which users move when.

import { type Call, call } from "./api.js";
import { define, element, row } from "./dom.js";
import { Rollout } from "./rollout.js";
import { Session, type Settings, type Way } from "./session.js";
import { unverifiedTimes } from "./token.js";
import { duration, moment, reasonOf } from "./words.js";

const MOST_CALLS_SHOWN = 20;

const status = element("status");
const calls = element("calls");

function note({ name, status, route, reason, milliseconds }: Call): void {
  const shown = status < 400 ? String(status) : { text: status, look: "bad" };
  calls.prepend(row([name, shown, { text: route, look: `side ${route}` }, reason, milliseconds]));
  while (calls.children.length > MOST_CALLS_SHOWN) calls.lastElementChild?.remove();
}

/** Does `work` and shows the outcome. */
async function tell(work: () => Promise<string>): Promise<void> {
  status.classList.remove("failed");
  status.textContent = "…";
  try {
    status.textContent = await work();
  } catch (error) {
    status.classList.add("failed");
    status.textContent = reasonOf(error);
  }
}

const text = (value: unknown): string => (value === null || value === undefined ? "–" : String(value));

async function show(session: Session, rollout: Rollout): Promise<void> {
  const token = await session.token();
  const transfers = element("transfers");
  if (token === undefined) {
    define(element("who"), [["Signed in", "no"]]);
    transfers.replaceChildren();
    rollout.follow(undefined);
    return;
  }
  const times = unverifiedTimes(token);
  rollout.follow(times.email);
  const { user } = (await call(note, "GET", "/v1/auth/me", { token })) as { user: { [name: string]: unknown } };
  const balance = await call(note, "GET", "/v1/tokens/balance", { token });
  const page = (await call(note, "GET", "/v1/tokens/transfers?limit=10", { token })) as {
    transfers: { [name: string]: unknown }[];
  };
  define(element("who"), [
    ["Id", text(user["id"])],
    ["E-mail", text(user["email"])],
    ["Type", text(user["user_type"])],
    ["Provider", text(user["auth_provider"])],
    ["Balance", `${text(balance["token_balance"])} (held: ${text(balance["held"])})`],
    ["Token", times.kind],
    ["Age", ""],
  ]);
  element("who").lastElementChild?.setAttribute("id", "age");
  element("age").dataset["issued"] = String(times.issuedAt);
  element("age").dataset["expires"] = String(times.expiresAt);
  tick();
  transfers.replaceChildren(
    ...page.transfers.map((transfer) =>
      row([
        moment(transfer["created_at"]),
        Number(transfer["amount"]),
        Number(transfer["balance_after"]),
        text(transfer["reason"]),
      ]),
    ),
  );
}

function tick(): void {
  const age = document.getElementById("age");
  if (age === null) return;
  const now = Math.floor(Date.now() / 1000);
  const issued = now - Number(age.dataset["issued"]);
  const left = Number(age.dataset["expires"]) - now;
  age.textContent = `${duration(Math.max(issued, 0))}, ${left > 0 ? `${duration(left)} left` : "expired"}`;
}

async function start(): Promise<void> {
  const settings = (await (await fetch("/settings.json")).json()) as Settings;
  const session = new Session(settings, note);
  const rollout = await Rollout.start(settings);
  await session.ready();
  const form = element<HTMLFormElement>("credentials");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const way = (event.submitter as HTMLButtonElement | null)?.value ?? "sign-in";
    const fields = new FormData(form);
    void tell(async () => {
      if (way === "sign-out") await session.leave();
      else {
        const field = (name: string): string => String(fields.get(name) ?? "");
        try {
          await session.enter(way as Way, { email: field("email"), password: field("password") });
        } catch (error) {
          // The earlier user is no longer signed in.
          await show(session, rollout);
          throw error;
        }
      }
      await show(session, rollout);
      return way === "sign-out" ? "Signed out" : "Signed in";
    });
  });
  element("refresh").addEventListener("click", () => {
    void tell(async () => {
      await show(session, rollout);
      return "Asked";
    });
  });
  setInterval(tick, 1000);
  await tell(async () => {
    await show(session, rollout);
    return "Ready";
  });
}

void start();
