// Passkeys, as the browser signs with them (Web Authentication Level 3).

export const supported = "PublicKeyCredential" in globalThis && "parseRequestOptionsFromJSON" in PublicKeyCredential;

// Returns what a passkey has signed of what the API asks for.
export async function sign(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  try {
    return (await navigator.credentials.get({ publicKey })).toJSON();
  } catch {
    // Whoever has none is told by the browser, and whoever has thought better of it knows.
    throw new Error("No passkey was shown. Try again, or log in another way.");
  }
}
