// The signed-in user, by the Firebase SDK or by a legacy token that the page holds itself.

import { initializeApp } from "@firebase/app";
import {
  type Auth,
  GoogleAuthProvider,
  browserLocalPersistence,
  connectAuthEmulator,
  createUserWithEmailAndPassword,
  initializeAuth,
  signInAnonymously,
  signInWithCredential,
  signInWithEmailAndPassword,
  signOut,
} from "@firebase/auth";
import { type Call, call } from "./api.js";

/** `/settings.json`; the program that starts the stack writes it. */
export interface Settings {
  readonly project: string;
  /** The Auth emulator's address. */
  readonly emulator: string;
  readonly rollout: { readonly percent: string; readonly group: string };
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** The ways in, by the buttons' names. */
export type Way = "sign-in" | "sign-up" | "google" | "anonymous" | "old-sign-in" | "old-sign-up";

export class Session {
  readonly #auth: Auth;
  #oldToken: string | undefined;

  constructor(
    settings: Settings,
    private readonly noted: (call: Call) => void,
  ) {
    const app = initializeApp({ apiKey: "development", projectId: settings.project });
    // Without the pop-up's code, which would load a script from another host.
    this.#auth = initializeAuth(app, { persistence: browserLocalPersistence });
    connectAuthEmulator(this.#auth, settings.emulator, { disableWarnings: true });
  }

  /** Resolves once the page knows which user was signed in when it was left. */
  async ready(): Promise<void> {
    await this.#auth.authStateReady();
  }

  /** The token of the calls; the SDK renews it when it is about to expire. */
  async token(): Promise<string | undefined> {
    return this.#oldToken ?? (await this.#auth.currentUser?.getIdToken());
  }

  async enter(way: Way, { email, password }: Credentials): Promise<void> {
    await this.leave();
    switch (way) {
      case "sign-in":
        await signInWithEmailAndPassword(this.#auth, email, password);
        return;
      case "sign-up":
        await createUserWithEmailAndPassword(this.#auth, email, password);
        return;
      case "google":
        // The emulator accepts these unsigned claims as a Google ID token.
        await signInWithCredential(
          this.#auth,
          GoogleAuthProvider.credential(JSON.stringify({ sub: `google-${email}`, email, email_verified: true })),
        );
        return;
      case "anonymous":
        await signInAnonymously(this.#auth);
        return;
      case "old-sign-in":
        this.#oldToken = await this.#old("/auth/login", { email, password });
        return;
      case "old-sign-up": {
        const username = email.replace(/[^a-z0-9]/gi, "").slice(0, 100);
        this.#oldToken = await this.#old("/auth/register", { username, email, password });
        return;
      }
    }
  }

  async leave(): Promise<void> {
    this.#oldToken = undefined;
    await signOut(this.#auth);
  }

  async #old(path: string, body: { readonly [name: string]: string }): Promise<string> {
    const { token } = await call(this.noted, "POST", path, { body });
    return String(token);
  }
}
