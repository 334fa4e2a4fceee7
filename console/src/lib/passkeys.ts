// Passkeys, as the browser signs and makes them (Web Authentication Level 3).

import type { components } from "../schema/user";
import { send, type Pair } from "./session";

type Schemas = components["schemas"];

export const supported = "PublicKeyCredential" in globalThis && "parseRequestOptionsFromJSON" in PublicKeyCredential;

export async function sign(options: Schemas["PasskeyRequest"]): Promise<Schemas["SignedPasskey"]> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as unknown as PublicKeyCredentialRequestOptionsJSON);
  const found = await navigator.credentials.get({ publicKey });
  if (!(found instanceof PublicKeyCredential)) throw new Error("There is no passkey for this.");
  return found.toJSON() as unknown as Schemas["SignedPasskey"];
}

export async function make(options: Schemas["PasskeyCreation"]): Promise<Schemas["NewPasskey"]> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as unknown as PublicKeyCredentialCreationOptionsJSON);
  const made = await navigator.credentials.create({ publicKey });
  if (!(made instanceof PublicKeyCredential)) throw new Error("No passkey was made.");
  return made.toJSON() as unknown as Schemas["NewPasskey"];
}

export async function logIn(): Promise<Pair> {
  const { challenge, options } = await send<Schemas["PasskeyLogin"]>("/v1/auth/passkeys/options");
  return send<Pair>("/v1/auth/passkeys/verify", { challenge, passkey: await sign(options) });
}
