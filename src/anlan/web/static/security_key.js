// Security keys and cards (WebAuthn): one is registered, or touched where the node asks for the second factor.
//
// Whatever takes a code takes a key's answer: the node refuses with `second-factor-needed` and says what to ask the key; what the key
// answers goes where the code would.

import { t } from "./config.js";

/** Whether this browser, at this address, lets keys answer at all. */
export const supported = () => Boolean(globalThis.PublicKeyCredential && navigator.credentials);

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
const coded = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const listed = (credentials) => (credentials ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

const WHY = {
  NotAllowedError: "No security key answered: touch it in time, and use one of your own.",
  InvalidStateError: "This security key is registered already.",
  SecurityError: "No security key answers to this address.",
};
const refusal = (error) => ({ refused: t(WHY[error.name] ?? WHY.NotAllowedError) });

/** Register a key: its answer as JSON, or {refused}. */
export async function create(options) {
  if (!supported()) return { refused: t("This browser lets no security key answer here.") };
  try {
    const publicKey = { ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) }, excludeCredentials: listed(options.excludeCredentials) };
    const made = await navigator.credentials.create({ publicKey });
    return told(made, { attestationObject: coded(made.response.attestationObject) });
  } catch (error) {
    return refusal(error);
  }
}

/** Let a key answer: the text that goes where a code would, or {refused}. */
async function touch(options) {
  if (!supported()) return { refused: t("This browser lets no security key answer here.") };
  try {
    const got = await navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: listed(options.allowCredentials) } });
    const { authenticatorData, signature } = got.response;
    const answer = told(got, { authenticatorData: coded(authenticatorData), signature: coded(signature) });
    return `key.${coded(new TextEncoder().encode(JSON.stringify(answer)))}`;
  } catch (error) {
    return refusal(error);
  }
}

const told = (credential, response) => ({ id: credential.id, rawId: coded(credential.rawId), type: credential.type, clientExtensionResults: {}, response: { clientDataJSON: coded(credential.response.clientDataJSON), ...response } });

/** Send what was given; where that lacks the second factor and a key would do, let it be touched and send again. */
export async function withKey(send, given) {
  const answer = await send(given);
  const options = answer.code === "second-factor-needed" && answer.facts?.key;
  if (!options || given.code) return answer;
  const code = await touch(options);
  return code.refused ? { ...answer, ...code, untouched: true } : send({ ...given, code });
}
